import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http"
import type { Post, PostReply } from "../../exporters/otlp.ts"
import { boundIdle } from "./bound-idle.ts"
import { wantsProxy } from "./proxy.ts"

export interface PostOptions {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** `auto` compresses large bodies once the function is warm. */
  readonly compression: "auto" | "gzip" | "none"
  /** PEM texts for `https:`: trusted certificates, and our own with its key. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** An idle socket older than this is not trusted, when the server gave no `Keep-Alive: timeout=`. */
const IDLE_LIMIT_MS = 4_000
const MAX_REPLY_BYTES = 65_536
/** From here on gzip saves more time on the wire than it costs; below it the body fits a few packets. */
const AUTO_GZIP_BYTES = 16_384
const GZIP_BYTES = 1_024

/**
 * Posts JSON over `node:http(s)`, loaded at the first call. Connections are kept over the freeze, in which timers stand
 * still and servers hang up unseen: so their age is read from the wall clock before use, and a request that fails on a
 * reused connection is made once more on a fresh one.
 */
export function createPost(options: PostOptions): Post {
  const { url, headers, compression, tls } = options
  const { Agent, request } = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http")
  // Node 22.21 and 24.5 have learnt to go through a proxy ("http.Agent", `proxyEnv`); older ones go straight to the endpoint.
  const proxy = wantsProxy(url, process.env) ? { proxyEnv: process.env } : {}
  const agent = new Agent({ keepAlive: true, scheduling: "lifo", maxFreeSockets: 1, ...tls, ...proxy })
  const target: RequestOptions = { method: "POST", agent }
  let usableUntilMs = 0
  let warm = false

  return async (text, boundMs, maxMs, onSent) => {
    const { body, encoding } = compress(text)
    warm = true
    if (Date.now() > usableUntilMs) dropIdle(agent)
    const all = { "content-type": "application/json", "content-length": body.byteLength, ...encoding, ...headers }
    const make = () => request(url, { ...target, headers: all })
    return boundIdle(boundMs, maxMs, async (signal) => {
      const reply = await exchange(make, body, signal, onSent, () => dropIdle(agent))
      usableUntilMs = Date.now() + idleLimitMs(reply.keepAlive)
      return reply
    })
  }

  function compress(text: string): { body: Buffer; encoding?: { "content-encoding": "gzip" } } {
    const body = Buffer.from(text)
    // The first use of zlib costs 19 ms, which only the billed time after a cold start would see.
    const pays = compression === "gzip" ? body.length >= GZIP_BYTES : compression === "auto" && warm && body.length >= AUTO_GZIP_BYTES
    if (!pays) return { body }
    return { body: process.getBuiltinModule("node:zlib").gzipSync(body, { level: 1 }), encoding: { "content-encoding": "gzip" } }
  }
}

interface Exchanged extends PostReply {
  readonly keepAlive: string | undefined
}

async function exchange(
  make: () => ClientRequest,
  body: Buffer,
  signal: AbortSignal,
  onSent: (() => void) | undefined,
  forgetIdle: () => void,
): Promise<Exchanged> {
  const request = make()
  try {
    return await send(request, body, signal, onSent)
  } catch (error) {
    if (!request.reusedSocket || signal.aborted || !isStale(error)) throw error
    forgetIdle()
    return send(make(), body, signal, onSent)
  }
}

/** The server hung up while the connection was idle; it has not seen the request. */
function isStale(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === "ECONNRESET" || code === "EPIPE" || code === "ECONNABORTED"
}

function send(request: ClientRequest, body: Buffer, signal: AbortSignal, onSent = () => {}): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const stop = () => request.destroy(signal.reason as Error)
    signal.addEventListener("abort", stop)
    request.on("error", reject)
    request.on("finish", onSent)
    request.on("response", (response) => resolve(read(response)))
    request.on("close", () => signal.removeEventListener("abort", stop))
    request.end(body)
  })
}

/** The answer counts once its status is known: a body that is cut off or never ends takes nothing back. */
function read(response: IncomingMessage): Promise<Exchanged> {
  const chunks: Buffer[] = []
  let length = 0
  return new Promise((resolve) => {
    response.on("data", (chunk: Buffer) => {
      length += chunk.length
      if (length > MAX_REPLY_BYTES) response.destroy()
      else chunks.push(chunk)
    })
    response.on("error", () => {})
    response.on("close", () =>
      resolve({
        status: response.statusCode ?? 0,
        retryAfterMs: retryAfterMs(response.headers["retry-after"]),
        keepAlive: response.headers["keep-alive"] as string | undefined,
        body: Buffer.concat(chunks).toString(),
      }),
    )
  })
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** One second before the server said it would hang up. */
function idleLimitMs(keepAlive: string | undefined): number {
  const seconds = /timeout=(\d+)/.exec(keepAlive ?? "")?.[1]
  return seconds === undefined ? IDLE_LIMIT_MS : Math.max(0, Number(seconds) * 1000 - 1000)
}

function dropIdle(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}
