import type { IncomingMessage } from "node:http"
import { header } from "./exchange.ts"
import type { Life, Refusal } from "./life.ts"

/** Lambda's limit for a buffered response, in bytes. */
const responseLimitBytes = 6 * 1024 * 1024 + 100

/** `/invocation/{id}/response` and `/invocation/{id}/error`, buffered or streamed. */
export async function postInvocation(
  life: Life,
  requestId: string,
  kind: "response" | "error",
  request: IncomingMessage,
): Promise<Refusal | undefined> {
  const streaming = header(request, "lambda-runtime-function-response-mode").toLowerCase() === "streaming"
  const chunks: Buffer[] = []
  for await (const chunk of request) {
    chunks.push(chunk as Buffer)
    life.firstByte(requestId, streaming ? chunks : [])
  }
  if (!request.complete) return undefined
  const payload = Buffer.concat(chunks)
  const headers = flat(request)
  if (kind === "response" && !streaming && payload.length > responseLimitBytes) {
    const errorType = "Function.ResponseSizeTooLarge"
    const errorMessage = `Response payload size exceeded maximum allowed payload size (${responseLimitBytes} bytes).`
    life.answer(requestId, { payload: Buffer.from(JSON.stringify({ errorType, errorMessage })), headers, streaming, errorType })
    return { status: 413, errorType: "RequestEntityTooLarge", errorMessage }
  }
  const trailer = request.trailers["lambda-runtime-function-error-type"]
  const errorType = kind === "error" ? header(request, "lambda-runtime-function-error-type") || typeIn(payload) : trailer
  return life.answer(requestId, { payload, headers, streaming, errorType })
}

/** AWS's native client names the type in the body only. */
function typeIn(payload: Buffer): string {
  try {
    const { errorType } = JSON.parse(payload.toString()) as { errorType?: unknown }
    return typeof errorType === "string" && errorType ? errorType : "Unhandled"
  } catch {
    return "Unhandled"
  }
}

/** `/init/error`. */
export async function postInitError(life: Life, request: IncomingMessage): Promise<Refusal | undefined> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const errorType = header(request, "lambda-runtime-function-error-type") || "Runtime.Unknown"
  return life.initError({ errorType, errorMessage: "", payload: Buffer.concat(chunks), headers: flat(request) })
}

/** Headers and trailers, lower case. */
function flat(request: IncomingMessage): Record<string, string> {
  const entries = Object.entries({ ...request.headers, ...request.trailers })
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
}
