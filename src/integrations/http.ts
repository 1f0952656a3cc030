import type { ClientRequest, IncomingMessage } from "node:http"
import type { Integration } from "../core/contracts.ts"
import { guard, ignore, type Report, subscribe, undoAll } from "./_channel.ts"
import { Answer, abandoned, carry, describeRequest, type Exchange, exchangeOf } from "./_http.ts"

/** Traces `node:http` and `node:https`: a span from the creation of a request until the body of its response is complete. */
export const httpIntegration: Integration<ClientRequest, Answer> = {
  name: "http",

  watch(trace, report: Report = ignore) {
    const exchanges = new WeakMap<ClientRequest, Exchange>()
    return undoAll([
      // Published in the caller's context, at the end of the constructor: nothing has been sent.
      subscribe<{ request: ClientRequest }>(
        "http.client.request.created",
        ({ request }) => {
          const exchange = trace(request, exchangeOf)
          if (exchange === undefined) return
          exchanges.set(request, exchange)
          // Node publishes no response for these two.
          if (request.method === "CONNECT" || headerOf(request, "upgrade")) {
            const closed = guard(() => endSwitched(request, exchange), report)
            request.once("close", closed)
          }
          addHeaders(request, exchange.operation.headers)
        },
        report,
      ),

      // In spite of its name: the headers of the response are here.
      subscribe<{ request: ClientRequest; response: IncomingMessage }>(
        "http.client.response.finish",
        ({ request, response }) => {
          const exchange = exchanges.get(request)
          if (exchange === undefined) return
          // Only "close": "end" or "data" would start the flow of a body that the caller reads later, or never.
          response.on(
            "close",
            guard(() => {
              exchange.end(response.errored ?? (response.complete ? undefined : abandoned()), exchange.answer)
            }, report),
          )
          learn(exchange, request, response)
        },
        report,
      ),

      subscribe<{ request: ClientRequest; error: unknown }>(
        "http.client.request.error",
        ({ request, error }) => {
          const exchange = exchanges.get(request)
          exchange?.end(error, exchange.answer)
        },
        report,
      ),
    ])
  },

  describe(request) {
    const authority = authorityOf(request)
    return describeRequest({
      method: request.method,
      scheme: request.protocol,
      authority: authority ?? bracketed(request.host),
      target: request.path,
      bodySize: headerOf(request, "content-length"),
      socketPath: (request as { socketPath?: string }).socketPath,
      hidesPort: hidesPort(request, authority),
    })
  },
}

function addHeaders(request: ClientRequest, headers: Readonly<Record<string, string>>): void {
  const has = (name: string) => headerOf(request, name) !== undefined
  const { _header: before, outputData } = request as Written
  if (typeof before !== "string") return carry(headers, has, (name, value) => void request.setHeader(name, value))
  if (!before.endsWith("\r\n\r\n")) return
  let after = before.slice(0, -2)
  carry(headers, has, (name, value) => {
    after += `${name}: ${value}\r\n`
  })
  after += "\r\n"
  ;(request as Written)._header = after
  const queued = outputData?.[0]
  if (queued?.data === before) queued.data = after
}

/** Headers given as an array, and `Expect: 100-continue`, are written out by the constructor; the second also into the queue for the socket. */
interface Written {
  _header?: unknown
  outputData?: { data: unknown }[]
}

/** getHeader knows nothing of headers that are written out, and setHeader throws. */
function headerOf(request: ClientRequest, name: string): unknown {
  const { _header: written } = request as Written
  return typeof written === "string" ? new RegExp(`\r\n${name}: *(.*)\r\n`, "i").exec(written)?.[1] : request.getHeader(name)
}

/** The Host header, where it names the host that is called: nothing else on a request knows the port. */
function authorityOf(request: ClientRequest): string | undefined {
  const given = headerOf(request, "host")
  const host = bracketed(request.host)
  if (typeof given !== "string" || !given.startsWith(host)) return undefined
  return given === host || /^:\d+$/.test(given.slice(host.length)) ? given : undefined
}

function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host
}

/** Whether the port is only known once there is a socket: the caller wrote a Host header of its own. */
function hidesPort(request: ClientRequest, authority = authorityOf(request)): boolean {
  return authority === undefined && request.path.startsWith("/")
}

/** At once, and not with the end: a body that is never read has none. */
function learn(exchange: Exchange, request: ClientRequest, response: IncomingMessage): void {
  const { statusCode: status, httpVersion: version, socket: peer } = response
  const header = (name: string) => response.headers[name] as string | undefined
  exchange.answer = new Answer({ method: request.method, status, version, header, peer, hidesPort: () => hidesPort(request) })
  exchange.operation.learn(exchange.answer)
}

/** After CONNECT or an upgrade the socket belongs to another protocol: the request is over. */
function endSwitched(request: ClientRequest, exchange: Exchange): void {
  const { res: response } = request as { res?: (IncomingMessage & { upgrade?: boolean }) | null }
  // An upgrade that was refused has a response, and ends with it.
  if (response && !response.upgrade) return
  if (response) learn(exchange, request, response)
  exchange.end(undefined, exchange.answer)
}
