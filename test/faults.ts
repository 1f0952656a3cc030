/** Ways for an endpoint to misbehave, for the collector's `onRequest`. Each plays one request. */
import { setTimeout as sleep } from "node:timers/promises"
import type { CollectorOptions, Exchange } from "../src/viewer/collector.ts"

export type Fault = NonNullable<CollectorOptions["onRequest"]>

/** Plays one fault per request, in order; `undefined`, and every request after the last, is answered as it should be. */
export function inTurn(...faults: readonly (Fault | undefined)[]): Fault {
  return (exchange) => faults[exchange.n - 1]?.(exchange) ?? false
}

/** Keeps the spans and answers well, `ms` milliseconds late. */
export function late(ms: number): Fault {
  return async (exchange) => {
    await exchange.accept()
    await sleep(ms, undefined, { ref: false })
    return false
  }
}

/** Reads the body, keeps nothing and answers with a status, for example `status(503, { "retry-after": "1" })`. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}): Fault {
  return async ({ read, response }) => {
    await read()
    response.writeHead(code, { "content-type": "application/json", ...headers })
    response.end(JSON.stringify({ code: 14, message: `told to answer ${code}` }))
    return true
  }
}

/** Takes the request and never says a word. With `keep`, its spans count as received. */
export function never({ keep = false }: { keep?: boolean } = {}): Fault {
  return after(keep, () => {})
}

/** Resets the connection (RST) before the body is read. */
export function resetBefore(): Fault {
  return ({ request }) => {
    reset(request)
    return true
  }
}

/** Resets the connection (RST) once the body has been read. With `keep`, its spans count as received. */
export function resetAfter({ keep = false }: { keep?: boolean } = {}): Fault {
  return after(keep, ({ request }) => reset(request))
}

/**
 * Answers well, and closes the connection `ms` milliseconds later, as an idle one. With `hint` the answer said so
 * (`Keep-Alive: timeout`, in whole seconds); without, the client learns of it from the socket alone.
 */
export function closeIdle(ms: number, { hint = false }: { hint?: boolean } = {}): Fault {
  return async ({ accept, request, response }) => {
    await accept()
    response.setHeader("connection", "keep-alive")
    if (hint) response.setHeader("keep-alive", `timeout=${Math.max(1, Math.floor(ms / 1000))}`)
    response.once("finish", () => setTimeout(() => request.socket.destroy(), ms).unref())
    return false
  }
}

/** 200, but some of the spans are said to be rejected. */
export function partial(rejectedSpans: number, errorMessage: string): Fault {
  return after(true, ({ response }) => {
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify({ partialSuccess: { rejectedSpans: String(rejectedSpans), errorMessage } }))
  })
}

/** 200, with a body that is no JSON. */
export function garbage(): Fault {
  return after(true, ({ response }) => void response.end("<html>\u0000 it works </html>"))
}

/** Bytes that are not HTTP. */
export function notHttp(): Fault {
  return after(true, ({ request }) => void request.socket.end("\u0000\u0001 not http\r\n\r\n"))
}

/** 200, with a body that never ends. */
export function endless(): Fault {
  return after(true, ({ response }) => {
    response.writeHead(200, { "content-type": "application/json" })
    const timer = setInterval(() => response.writableNeedDrain || response.write(" ".repeat(16_384)), 1)
    response.once("close", () => clearInterval(timer))
  })
}

/** Node has no RST for TLS: there the connection breaks off without a word. */
function reset({ socket }: Exchange["request"]): void {
  if ("encrypted" in socket) socket.destroy()
  else socket.resetAndDestroy()
}

function after(keep: boolean, act: (exchange: Exchange) => void): Fault {
  return async (exchange) => {
    await (keep ? exchange.accept() : exchange.read())
    act(exchange)
    return true
  }
}
