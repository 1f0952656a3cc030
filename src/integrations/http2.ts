import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2"
import type { Integration, Operation } from "../core/contracts.ts"
import { guard, ignore, type Report, subscribe, undoAll } from "./_channel.ts"
import { Answer, abandoned, byName, carry, describeRequest, type Headers, hidden } from "./_http.ts"
import { type Method, patchMethod } from "./_patch.ts"

export interface Http2Call {
  readonly session: ClientHttp2Session
  /** Who knows more of the request than HTTP does may put others in their place. */
  headers: Headers
  /** Told of the stream as soon as there is one. */
  opened?: (stream: ClientHttp2Stream) => void
}

/**
 * Traces `node:http2`: a span from `session.request()` until the stream closes.
 *
 * By the time of `http2.client.stream.created` the headers have been serialized (Node 22 and 24), so a channel can
 * trace a stream, but cannot carry the trace to the server. Therefore `request` is patched, on the class of the sessions,
 * which nobody exports:
 * 1. `connect` is patched. To watch loads http2, which would cost a cold start 3 to 10 ms: it is for programs that have loaded it.
 *    To listen for its loading (`tracing:module.require`) would cost 2 ms, because every module that is loaded then speaks up.
 * 2. The first session shows the class: `request` is patched and `connect` is put back.
 * 3. A program that loads http2 later, or got hold of `connect` before 1, is met at `created`: that one stream has a span, but not
 *    our headers, and shows the class to patch.
 */
export const http2Integration: Integration<Http2Call, Answer> = {
  name: "http2",

  watch(trace, report: Report = ignore) {
    let requesting = 0
    let restoreRequest: (() => void) | undefined
    let restoreConnect: (() => void) | undefined
    // Node lets a body that the caller leaves end like any other; only while the stream closes can it be told apart.
    const left = new WeakSet<ClientHttp2Stream>()
    const stopWatching = subscribe<{ stream: ClientHttp2Stream }>(
      "http2.client.stream.close",
      ({ stream }) => {
        if (stream.destroyed && !stream.readableEnded) left.add(stream)
      },
      report,
    )
    const stopListening = subscribe<{ stream: ClientHttp2Stream; headers: Headers }>("http2.client.stream.created", created, report)
    if (restoreRequest === undefined) guard(patchConnect, report)()
    return undoAll([stopListening, stopWatching, () => restoreConnect?.(), () => restoreRequest?.()])

    function patchConnect(): void {
      const { syncBuiltinESMExports } = process.getBuiltinModule("node:module")
      const [restore] = patchMethod(
        process.getBuiltinModule("node:http2"),
        "connect",
        (connect: Method) =>
          function (this: unknown, ...args) {
            const session: ClientHttp2Session = connect.apply(this, args)
            guard(patchRequest, report)(session)
            return session
          },
      )
      syncBuiltinESMExports()
      restoreConnect = () => {
        restoreConnect = undefined
        restore?.()
        syncBuiltinESMExports()
      }
    }

    function patchRequest(session: ClientHttp2Session): void {
      restoreConnect?.()
      restoreRequest ??= patchMethod(
        Object.getPrototypeOf(session) as object,
        "request",
        (request: Method) =>
          function (this: ClientHttp2Session, headers: Headers, options?: object) {
            let live: Operation<Answer> | undefined
            let sent = headers
            const call: Http2Call = { session: this, headers }
            guard(() => {
              if (isUndici(this) || isTracedGrpc(headers)) return
              trace(call, (operation) => {
                if (operation.context === undefined) return
                operation.defer()
                live = operation
                guard(() => void (sent = withHeaders(call.headers, operation.headers)), report)()
              })
            }, report)()
            // Outside of the trace: a stream keeps the context of its request, and what the caller does with it belongs to the parent.
            requesting++
            try {
              const stream: ClientHttp2Stream = request.call(this, sent, options)
              if (live !== undefined) guard(follow, report)(stream, live)
              if (call.opened !== undefined) guard(call.opened, report)(stream)
              return stream
            } catch (error) {
              live?.defer()(error)
              throw error
            } finally {
              requesting--
            }
          },
      )[0]
    }

    function created({ stream, headers }: { stream: ClientHttp2Stream; headers: Headers }): void {
      const { session } = stream
      if (requesting > 0 || session === undefined) return
      patchRequest(session as ClientHttp2Session)
      if (isUndici(session) || isTracedGrpc(headers)) return
      trace({ session: session as ClientHttp2Session, headers }, (operation) => follow(stream, operation))
    }

    /** Ends with the stream. A body that the caller leaves unread keeps the span open, as it keeps the stream. */
    function follow(stream: ClientHttp2Stream, operation: Operation<Answer>): void {
      if (operation.context === undefined) return
      const end = operation.defer()
      let answer: Answer | undefined
      stream.once(
        "response",
        guard((headers: Record<string, unknown>) => {
          const method = stream.sentHeaders?.[":method"] as string
          const status = headers[":status"] as number
          const header = (name: string) => headers[name] as string | undefined
          answer = new Answer({ method, status, version: "2", header, peer: stream.session?.socket })
          operation.learn(answer)
        }, report),
      )
      stream.once(
        "close",
        guard(() => {
          // RST_STREAM with CANCEL, from either side, is no error to Node.
          end(stream.errored ?? (left.has(stream) || stream.rstCode !== 0 ? abandoned() : undefined), answer)
        }, report),
      )
    }
  },

  describe({ session, headers }) {
    const given = byName(headers)
    const text = (name: string) => given.get(name) as string | undefined
    const authority = text(":authority") ?? text("host") ?? String(hidden(session, "authority") ?? "")
    const method = text(":method") ?? "GET"
    return describeRequest({
      method,
      scheme: text(":scheme")?.concat(":") ?? String(hidden(session, "protocol") ?? "https:"),
      authority,
      target: method === "CONNECT" ? authority : (text(":path") ?? "/"),
      bodySize: given.get("content-length"),
    })
  },
}

/** The caller's headers stay as they are: they may be used for the next request, too. */
function withHeaders(given: Headers, ours: Readonly<Record<string, string>>): Headers {
  if (given === null || (given !== undefined && typeof given !== "object")) return given
  const names = byName(given)
  const sent: Record<string, unknown> | unknown[] = Array.isArray(given) ? [...(given as unknown[])] : { ...given }
  carry(
    ours,
    (name) => names.has(name),
    (name, value) => {
      if (Array.isArray(sent)) sent.push(name, value)
      else sent[name] = value
    },
  )
  return sent
}

/** undici speaks HTTP/2 through this module, and its integration has already made the span. */
function isUndici(session: object): boolean {
  return hidden(session, "open streams") !== undefined
}

/** A gRPC call that carries a trace has a span, which that of its one stream would only repeat. */
function isTracedGrpc(headers: Headers): boolean {
  const given = (headers ?? {}) as Readonly<Record<string, unknown>>
  return (
    given["content-type"] === "application/grpc" && /(^|,)(traceparent|b3|x-b3-traceid|uber-trace-id)(,|$)/.test(String(Object.keys(given)))
  )
}
