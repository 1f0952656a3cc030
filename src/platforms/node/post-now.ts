import { connectRaw, pause, type RawConnection } from "../lambda/raw-connection.ts"
import { wantsProxy } from "./proxy.ts"
import { uptimeMs } from "./uptime.ts"

/** Longer bodies are written piece by piece, since the other side has to make room. */
const PIECE_BYTES = 65_536

/**
 * Posts JSON over plain HTTP before it returns: for the last moments of a process, when the event loop does not turn any
 * more. True once the endpoint has answered 2xx. There is no name lookup and no TLS; then it is false at once.
 */
export function postNow(url: URL, headers: Readonly<Record<string, string>>, body: string, budgetMs: number): boolean {
  const address = url.hostname === "localhost" ? "127.0.0.1" : url.hostname
  if (url.protocol !== "http:" || url.username !== "" || hasControl(headers) || wantsProxy(url, process.env)) return false
  const connection = connectRaw(address, Number(url.port || 80))
  if (connection === undefined) return false
  try {
    return exchange(connection, requestOf(url, headers, body), uptimeMs() + budgetMs)
  } catch {
    return false
  } finally {
    connection.close()
  }
}

/** Bytes, one to a character. */
function requestOf(url: URL, headers: Readonly<Record<string, string>>, body: string): string {
  const bytes = Buffer.from(body)
  const all = { "content-type": "application/json", "content-length": bytes.length, connection: "close", ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n${lines.join("")}\r\n${bytes.toString("latin1")}`
}

function exchange(connection: RawConnection, request: string, deadlineMs: number): boolean {
  for (let at = 0; at < request.length; at += PIECE_BYTES) {
    if (uptimeMs() > deadlineMs) return false
    connection.write(request.slice(at, at + PIECE_BYTES))
  }
  let reply = ""
  while (uptimeMs() < deadlineMs) {
    const bytes = connection.read()
    if (bytes === null) return false
    if (bytes === undefined) pause()
    else reply += Buffer.from(bytes).toString("latin1")
    // RFC 9112, 4: the status line is all that matters.
    if (reply.length >= 12) return /^HTTP\/1\.[01] 2\d\d/.test(reply)
  }
  return false
}

/** They would end the header, and begin another. */
function hasControl(headers: Readonly<Record<string, string>>): boolean {
  return Object.entries(headers).some(([name, value]) => /[\0\r\n]/.test(name + value))
}
