import type { Report } from "../../core/report.ts"
import type { CaptureOptions } from "./capture.ts"

type Env = Readonly<Record<string, string | undefined>>

/** `ANTIFREEZE_CAPTURE`, a list of these. */
const KINDS = ["event", "result", "request-body", "response-body", "call-request-body", "call-response-body"]

/** What the environment asks for. Headers go by the names that OpenTelemetry's agents have; a wrong value is one line of log. */
export function readCapture(env: Env, report: Report): CaptureOptions {
  const kinds = listOf(env["ANTIFREEZE_CAPTURE"])
  for (const kind of kinds) {
    if (!KINDS.includes(kind)) report("config", `ANTIFREEZE_CAPTURE has ${kind}, which is ignored. Known are ${KINDS.join(", ")}.`)
  }
  const headers = (name: string) => listOf(env[`OTEL_INSTRUMENTATION_HTTP_${name}_HEADERS`])
  const maxBytes = env["ANTIFREEZE_CAPTURE_MAX_BYTES"]
  const isNumber = maxBytes !== undefined && /^\d{1,9}$/.test(maxBytes)
  if (maxBytes && !isNumber) report("config", `ANTIFREEZE_CAPTURE_MAX_BYTES=${maxBytes} is ignored. Give a number of bytes.`)
  const calls = {
    requestHeaders: headers("CLIENT_CAPTURE_REQUEST"),
    responseHeaders: headers("CLIENT_CAPTURE_RESPONSE"),
    requestBody: kinds.includes("call-request-body"),
    responseBody: kinds.includes("call-response-body"),
  }
  const wantsCalls = calls.requestHeaders.length > 0 || calls.responseHeaders.length > 0 || calls.requestBody || calls.responseBody
  return {
    event: kinds.includes("event"),
    result: kinds.includes("result"),
    requestHeaders: headers("SERVER_CAPTURE_REQUEST"),
    responseHeaders: headers("SERVER_CAPTURE_RESPONSE"),
    requestBody: kinds.includes("request-body"),
    responseBody: kinds.includes("response-body"),
    ...(wantsCalls && { calls }),
    ...(isNumber && { maxBytes: Number(maxBytes) }),
    maskNames: listOf(env["ANTIFREEZE_CAPTURE_MASK"]),
  }
}

function listOf(value: string | undefined): string[] {
  const parts = value?.split(",").map((part) => part.trim()) ?? []
  return parts.filter((part) => part !== "")
}
