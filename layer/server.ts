// The server behind the Lambda Web Adapter: no runtime of ours runs, and there is no handler; each request that the adapter forwards is
// an invocation. Nothing is patched: Node tells of its servers and requests on diagnostics channels, so stacks and results are those
// of the server alone. A request, and the response to an event, have methods of their own by which their parts pass.
import type { Scope } from "../src/core/scope.ts"
import type { Span } from "../src/core/span.ts"
import { watchRoute } from "../src/integrations/_express.ts"
import type { Ending } from "../src/platforms/lambda/ending.ts"
import { readAdapter } from "./adapter.ts"
import type * as Library from "./library.ts"
import type { Exchange } from "./passing-event.ts"

/** What an adapter needs to read the response and post it. */
const POSTED_MS = 2

/** In every Node process that may become the server, before its own code. `folder` has the layer's files, beside the adapter's. */
export function traceServer(folder: string): void {
  try {
    if (!process.getBuiltinModule?.("node:fs").existsSync(`${folder}/../../../extensions/lambda-adapter`)) return
    const { isMainThread } = process.getBuiltinModule("node:worker_threads")
    if (isMainThread)
      watchServer(process.getBuiltinModule("node:module").createRequire(__filename)("./index.cjs") as typeof Library, folder)
  } catch (error) {
    console.warn(`[antifreeze] the server runs untraced: ${error}.`)
  }
}

function watchServer(library: typeof Library, folder: string): void {
  library.begin()
  const traced = library.traceLoaded(answer, folder)
  if (traced === answer) return
  const { env } = process
  const { subscribe, unsubscribe } = process.getBuiltinModule("node:diagnostics_channel")
  const { scopeManager, start, report } = library.processState
  const ending = library.processState.ending as Ending
  /** The root spans of invocations, by request id. */
  const underWay = new Map<string, Span>()
  /** The scope of a connection's last request. */
  const scopes = new WeakMap<object, Scope>()
  subscribe("tracing:net.server.listen:asyncStart", onListen)
  subscribe("child_process", onChild)
  process.on("uncaughtExceptionMonitor", onFatal)
  subscribe("http.server.request.start", onRequest)

  /** Registration closes when the adapter, which waits for the server to listen, asks for its first event. */
  function onListen(message: unknown): void {
    const { options } = message as { options?: { port?: unknown } }
    if (String(options?.port) !== (env["AWS_LWA_PORT"] ?? env["PORT"] ?? "8080")) return
    unsubscribe("tracing:net.server.listen:asyncStart", onListen)
    unsubscribe("child_process", onChild)
    process.off("uncaughtExceptionMonitor", onFatal)
    ending.fatal = undefined
    start.initEndMs = process.uptime() * 1000
    // What the server starts is none of ours.
    const options_ = env["NODE_OPTIONS"]?.replace(/ ?--(?:require|import)[= ]\S*\/antifreeze\/preload\.cjs/, "")
    if (options_) env["NODE_OPTIONS"] = options_
    else delete env["NODE_OPTIONS"]
    library.joinAsServer()
  }

  /** Whoever starts another process is not the server: that one tells why it could not start. */
  function onChild(): void {
    ending.initTold = true
  }

  /** Why the server could not start; once it runs, this is watched anyway. */
  function onFatal(error: unknown, how: "uncaughtException" | "unhandledRejection"): void {
    ending.fatal = { error, how }
  }

  /** What Node does next, in this async context, is to call the server with the request. */
  function onRequest(message: unknown): void {
    const { request, response } = message as Exchange
    try {
      scopes.get(request.socket)?.close()
      const adapted = readAdapter(request.method ?? "", request.url ?? "", request.headers)
      if (adapted === undefined) return
      const { event, context } = adapted
      const { awsRequestId } = context
      // A server that asks itself, and hands the headers on, is still at the same invocation.
      if (!underWay.has(awsRequestId)) {
        const answered = scopeManager.exclude(() => traced(event, context, { request, response }) as Promise<unknown>)
        answered.catch(() => {}).then(() => underWay.delete(awsRequestId))
      }
      const root = underWay.get(awsRequestId)
      if (root === undefined) return
      scopes.set(request.socket, scopeManager.activate(root))
      // Node 24 brings a body that arrives later outside of this context.
      const resume = scopeManager.capture()
      const push = request.push.bind(request)
      Object.defineProperty(request, "push", {
        value: (...chunk: Parameters<typeof push>) => resume(() => push(...chunk)),
        configurable: true,
        writable: true,
      })
    } catch (error) {
      report("invocation", `this invocation is not traced: ${String(error)}.`)
    }
  }

  /** In a handler's place: ends with the response, and gives what a handler would have given. */
  function answer(event: object | undefined, context: { awsRequestId: string }, { request, response }: Exchange): Promise<unknown> {
    const root = library.tracer.activeSpan as Span
    underWay.set(context.awsRequestId, root)
    const { method = "", url = "" } = request
    const watched = watchRoute(request)
    let answered: (() => void) | undefined
    if (event === undefined) {
      const [path] = url.split("?", 1)
      root.setOperationName(`${method} ${path}`)
      // The adapter posts events that are no requests to one path.
      root.describe({ "http.request.method": method, "http.route": path, "url.path": path })
      answered = library.watchEvent(root, context, { request, response })
    }
    return new Promise((resolve) => {
      response.once("close", () => {
        const { statusCode, writableFinished } = response
        const route = watched()
        if (event !== undefined && route !== undefined) root.setOperationName(`${method} ${route}`)
        answered?.()
        root.describe({
          "http.route": route,
          "http.response.status_code": statusCode,
          "http.response.body.size": Number(response.getHeader("content-length")) || undefined,
          ...(statusCode >= 500 && { error: true, "error.type": String(statusCode) }),
        })
        if (!writableFinished) root.fail(new Error("The connection was closed before the answer was complete."))
        root.finish()
        // The adapter still has to post the response, on the same processor.
        setTimeout(resolve, POSTED_MS)
      })
    })
  }
}
