/** One HTTP/1.1 reply of the Extensions API. Header names are lower-case. */
export interface Reply {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

const MAX_HEAD_BYTES = 16_384
const MAX_BODY_BYTES = 1_048_576

/**
 * Reads replies out of a byte stream, in pieces of any size (RFC 9112). `feed` calls `onReply` for each complete reply and
 * returns false once the bytes are no HTTP, or more than the Extensions API would ever send; then nothing more is read.
 */
export function createReplyReader(onReply: (reply: Reply) => void): { feed(bytes: Uint8Array): boolean } {
  let pending = Buffer.alloc(0)
  let garbled = false
  const next = (): boolean => {
    const found = parseReply(pending)
    if (found === "garbled") garbled = true
    if (typeof found === "string") return false
    pending = pending.subarray(found.length)
    onReply(found.reply)
    return true
  }
  return {
    feed(bytes) {
      pending = pending.length === 0 ? Buffer.from(bytes) : Buffer.concat([pending, bytes])
      while (!garbled && pending.length > 0 && next());
      return !garbled
    },
  }
}

function parseReply(bytes: Buffer): { reply: Reply; length: number } | "incomplete" | "garbled" {
  const headEnd = bytes.indexOf("\r\n\r\n")
  if (headEnd < 0) return bytes.length > MAX_HEAD_BYTES || !looksLikeHttp(bytes) ? "garbled" : "incomplete"
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n")
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1]
  if (status === undefined) return "garbled"
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(":")
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  const body = readBody(bytes, headEnd + 4, headers)
  if (typeof body === "string") return body
  return { reply: { status: Number(status), headers, body: body.text }, length: body.end }
}

function looksLikeHttp(bytes: Buffer): boolean {
  return "HTTP/1.".startsWith(bytes.toString("latin1", 0, Math.min(bytes.length, 7)))
}

type Body = { text: string; end: number } | "incomplete" | "garbled"

/** RFC 9112, 6.3: chunked, else Content-Length, else nothing. */
function readBody(bytes: Buffer, start: number, headers: ReadonlyMap<string, string>): Body {
  if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") return readChunks(bytes, start)
  const length = Number(headers.get("content-length") ?? 0)
  if (!Number.isInteger(length) || length < 0 || length > MAX_BODY_BYTES) return "garbled"
  if (bytes.length < start + length) return "incomplete"
  return { text: bytes.toString("utf8", start, start + length), end: start + length }
}

/** RFC 9112, 7.1. Trailers end where an empty line does. */
function readChunks(bytes: Buffer, start: number): Body {
  const parts: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at)
    if (lineEnd < 0) return bytes.length - start > MAX_BODY_BYTES ? "garbled" : "incomplete"
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16)
    if (!(size >= 0) || lineEnd + size - start > MAX_BODY_BYTES) return "garbled"
    if (size === 0) {
      const end = bytes.indexOf("\r\n", lineEnd + 2)
      if (end < 0) return "incomplete"
      return { text: Buffer.concat(parts).toString("utf8"), end: end + 2 }
    }
    if (bytes.length < lineEnd + 2 + size + 2) return "incomplete"
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}
