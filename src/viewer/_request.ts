import type { IncomingMessage } from "node:http"
import { promisify } from "node:util"
import { gunzip } from "node:zlib"

/** Answered with its status and a google.rpc.Status (OTLP specification, "Failures"). */
export class HttpError extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

const LOCAL_NAMES = new Set(["localhost", "127.0.0.1", "[::1]"])

/** Refuses what is not an OTLP/JSON trace request from a program on this machine, before a byte of the body is read. */
export function checkRequest(request: IncomingMessage, boundHost: string): void {
  // DNS rebinding: a page whose name now points to 127.0.0.1 is same-origin with us, but its Host header gives it away.
  const host = (request.headers.host ?? "").replace(/:\d+$/, "").toLowerCase()
  if (!LOCAL_NAMES.has(host) && host !== boundHost) throw new HttpError(403, `the host ${JSON.stringify(host)} is not this machine`)

  const path = (request.url ?? "").split("?", 1)[0]
  if (path !== "/v1/traces") throw new HttpError(404, `nothing is served at ${JSON.stringify(path)}; traces go to /v1/traces`)
  if (request.method !== "POST") throw new HttpError(405, `${request.method} is not taken here, only POST`, { allow: "POST" })

  const type = (request.headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase()
  if (type === "application/x-protobuf") {
    throw new HttpError(415, "protobuf is not read yet; set OTEL_EXPORTER_OTLP_PROTOCOL=http/json")
  }
  // Only a "simple" content type would let a web page post without asking first (Fetch standard, "CORS-safelisted").
  if (type !== "application/json") throw new HttpError(415, `the content type must be application/json, not ${JSON.stringify(type)}`)
  const encoding = contentEncoding(request)
  if (encoding !== "gzip" && encoding !== "identity") {
    throw new HttpError(415, `the content encoding must be gzip or none, not ${JSON.stringify(encoding)}`, {
      "accept-encoding": "gzip",
    })
  }
}

function contentEncoding(request: IncomingMessage): string {
  return (request.headers["content-encoding"] || "identity").trim().toLowerCase()
}

export interface Body {
  readonly bytes: Buffer
  /** Milliseconds since the Unix epoch, with decimals: when the last byte had arrived. */
  readonly receivedAtMs: number
}

/** The body as sent. Rejects as soon as it is too long, or when the client goes away. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
  return new Promise((resolve, reject) => {
    const tooLong = () => new HttpError(413, `the body is longer than ${maxBytes} bytes`)
    if (Number(request.headers["content-length"]) > maxBytes) return reject(tooLong())
    const chunks: Buffer[] = []
    let bytes = 0
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) {
        // What still comes is read and dropped: closing now would reset the connection and take the answer along.
        chunks.length = 0
        reject(tooLong())
      } else chunks.push(chunk)
    })
    request.on("end", () => {
      resolve({ bytes: Buffer.concat(chunks), receivedAtMs: performance.timeOrigin + performance.now() })
    })
    request.on("error", reject)
    request.on("close", () => reject(new HttpError(400, "the client went away in the middle of the body")))
  })
}

const unzip = promisify(gunzip)

/** The body without its gzip. Stops at `maxBytes`, so that a small body cannot unpack into all our memory. */
export async function unpack(request: IncomingMessage, body: Buffer, maxBytes: number): Promise<Buffer> {
  if (contentEncoding(request) === "identity") return body
  try {
    return await unzip(body, { maxOutputLength: maxBytes })
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === "ERR_BUFFER_TOO_LARGE") throw new HttpError(413, `the body unpacks to more than ${maxBytes} bytes`)
    throw new HttpError(400, `the body is not gzip (${code ?? error})`)
  }
}
