import type { Integration } from "../core/contracts.ts"
import { guard, ignore, type Report, subscribe, undoAll } from "./_channel.ts"
import { Answer, carry, describeRequest, type Exchange, exchangeOf, hidden, type Peer } from "./_http.ts"

/** What undici publishes about a request, from version 5 to 8. */
export interface UndiciRequest {
  readonly origin: string | URL | undefined
  readonly path: string
  readonly method: string
  /** Names and values by turns; a string in version 5. */
  readonly headers: readonly unknown[] | string
  readonly contentLength: number | null
  /** Text or bytes; for fetch, an iterable that only the connection may read. */
  readonly body?: unknown
  /** The protocol to change to, as for a WebSocket. */
  readonly upgrade?: unknown
  addHeader(name: string, value: string): unknown
  onUpgrade?(this: unknown, statusCode: number, headers: readonly unknown[], ...more: unknown[]): unknown
}

interface Sent extends Exchange {
  peer?: Socket
}

interface Socket extends Peer {
  readonly alpnProtocol?: string | false | null
}

interface Response {
  readonly statusCode: number
  readonly headers: readonly unknown[] | Readonly<Record<string, unknown>>
}

/** Traces the global `fetch` and the npm package undici: a span for each request that goes out, every redirect and retry too. */
export const fetchIntegration: Integration<UndiciRequest, Answer> = {
  name: "undici",

  watch(trace, report: Report = ignore) {
    // Only "create" is published in the caller's context, the others in that of whoever opened the connection.
    const exchanges = new WeakMap<UndiciRequest, Sent>()
    return undoAll([
      subscribe<{ request: UndiciRequest }>(
        "undici:request:create",
        ({ request }) => {
          const exchange: Sent | undefined = inCallersContext(request, () => trace(request, exchangeOf))
          if (exchange === undefined) return
          exchanges.set(request, exchange)
          if (request.upgrade || request.method === "CONNECT") guard(endAtUpgrade, report)(request, exchange, report)
          addHeaders(request, exchange.operation.headers)
        },
        report,
      ),

      subscribe<{ request: UndiciRequest; socket: Socket }>(
        "undici:client:sendHeaders",
        ({ request, socket }) => {
          const exchange = exchanges.get(request)
          if (exchange !== undefined) exchange.peer = socket
        },
        report,
      ),

      subscribe<{ request: UndiciRequest; response: Response }>(
        "undici:request:headers",
        ({ request, response }) => {
          const exchange = exchanges.get(request)
          if (exchange !== undefined) learn(exchange, request, response)
        },
        report,
      ),

      // In spite of its name: the body is complete, with trailers or without.
      subscribe<{ request: UndiciRequest }>(
        "undici:request:trailers",
        ({ request }) => {
          const exchange = exchanges.get(request)
          exchange?.end(undefined, exchange.answer)
        },
        report,
      ),

      // Whatever goes wrong before that: refused, reset, aborted, timed out, or a body that the caller cancelled.
      subscribe<{ request: UndiciRequest; error: unknown }>(
        "undici:request:error",
        ({ request, error }) => {
          const exchange = exchanges.get(request)
          exchange?.end(error, exchange.answer)
        },
        report,
      ),
    ])
  },

  describe(request) {
    const [, scheme = "http:", authority = ""] = /^(\w+:)\/\/([^/]*)/.exec(String(request.origin)) ?? []
    return describeRequest({ method: request.method, scheme, authority, target: request.path, bodySize: request.contentLength })
  },
}

/** Before version 8, a request that has waited for a connection is created in the context of the one before it; its handler may know better. */
function inCallersContext<T>(request: UndiciRequest, run: () => T): T {
  const handler = hidden(request, "handler") as { runInAsyncScope?(run: () => T): T } | undefined
  return handler?.runInAsyncScope === undefined ? run() : handler.runInAsyncScope(run)
}

function addHeaders(request: UndiciRequest, headers: Readonly<Record<string, string>>): void {
  // addHeader appends: without the look first, a second traceparent would make both invalid.
  const given = request.headers
  const names =
    typeof given === "string"
      ? given.toLowerCase().split(/:.*\r\n/)
      : given.map((each, at) => (at % 2 === 0 ? String(each).toLowerCase() : ""))
  carry(
    headers,
    (name) => names.includes(name),
    (name, value) => void request.addHeader(name, value),
  )
}

/** At once, and not with the end: a body that is never read has none. */
function learn(exchange: Sent, request: UndiciRequest, { statusCode, headers }: Response): void {
  const { operation, peer } = exchange
  const version = peer && (peer.alpnProtocol === "h2" ? "2" : "1.1")
  const header = (name: string) => headerOf(headers, name)
  exchange.answer = new Answer({ method: request.method, status: statusCode, version, header, peer })
  operation.learn(exchange.answer)
}

/** Node 22 and 24 publish nothing once the socket belongs to another protocol; only their own copies of undici need this. */
function endAtUpgrade(request: UndiciRequest, exchange: Sent, report: Report): void {
  const { onUpgrade } = request
  if (onUpgrade === undefined) return
  const ended = guard((statusCode: number, headers: readonly unknown[]) => {
    learn(exchange, request, { statusCode, headers })
    exchange.end(undefined, exchange.answer)
  }, report)
  request.onUpgrade = function (statusCode, headers, ...more) {
    ended(statusCode, headers)
    return onUpgrade.call(this, statusCode, headers, ...more)
  }
}

/** HTTP/1.1 gives names and values by turns, as buffers; HTTP/2 an object in some versions. */
function headerOf(headers: Response["headers"], wanted: string): string | undefined {
  if (!Array.isArray(headers)) return (headers as Record<string, string | undefined>)[wanted]
  const at = headers.findIndex((name, at) => at % 2 === 0 && name.length === wanted.length && String(name).toLowerCase() === wanted)
  return at < 0 ? undefined : String(headers[at + 1])
}
