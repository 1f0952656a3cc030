import type { Capture, End, Integration, Operation, Tags, Trace } from "../core/contracts.ts"
import { offer } from "./_patch.ts"

export interface WebOptions {
  /** What `capture()` of `antifreeze/capture` gives: the headers and bodies that were asked for there (default: none). */
  readonly capture?: Capture
}

export interface WebRequest {
  readonly method: string
  /** The path alone: a query may hold anything. */
  readonly path: string
  readonly tags?: Tags
}

export interface WebAnswer {
  readonly status: number
  /** As the function declares it, with the places where it is mounted. */
  readonly route?: string | undefined
  readonly size?: unknown
  readonly tags?: Tags
}

export interface Web {
  readonly integration: Integration<WebRequest, WebAnswer>
  /** Covers a request once, however many apps it is mounted in. */
  open<T>(request: object, call: () => WebRequest, run: (operation?: Operation<WebAnswer>) => T): T
}

/** The integration of a framework, and what its middleware calls. */
export function webIntegration(name: string): Web {
  let trace: Trace<WebRequest, WebAnswer> | undefined
  const seen = new WeakSet<object>()
  const integration: Integration<WebRequest, WebAnswer> = {
    name,
    watch(given) {
      trace = given
      return () => {
        trace = undefined
      }
    },
    describe: ({ method, path, tags }) => ({
      operationName: method,
      kind: "internal",
      tags: { "http.request.method": method, "url.path": path, ...tags },
    }),
    tagsOf: answerTags,
  }
  return {
    integration,
    open(request, call, run) {
      offer(integration)
      if (trace === undefined || seen.has(request)) return run()
      seen.add(request)
      return trace(call(), run)
    },
  }
}

export function answerTags({ status, route, size, tags }: WebAnswer): Tags {
  return {
    "http.response.status_code": status,
    "http.route": route,
    "http.response.body.size": size === undefined || size === null || Number.isNaN(Number(size)) ? undefined : Number(size),
    // OpenTelemetry semantic conventions 1.44, "HTTP server": 5xx is an error, 4xx is the client's.
    ...(status >= 500 && { error: true, "error.type": String(status) }),
    ...tags,
  }
}

/** Names the span and the invocation after the route, which is known once the answer is. */
export function nameAfterRoute(operation: Operation<WebAnswer>, method: string, route: string | undefined): void {
  if (route === undefined) return
  operation.learn({ operationName: `${method} ${route}` })
  operation.learnOfInvocation({ operationName: `${method} ${route}`, tags: { "http.route": route } })
}

/** The part of Node's response that is used here; serverless-http and the like have it as well. */
export interface NodeResponse {
  readonly statusCode: number
  readonly writableEnded?: boolean
  getHeader(name: string): unknown
  once(event: string, listener: () => void): unknown
}

/** Ends with the response: whoever handles errors or answers late has done so by then. */
export function endWithResponse(
  operation: Operation<WebAnswer>,
  method: string,
  response: NodeResponse,
  routeOf: () => string | undefined,
  tagsOf: () => Tags | undefined,
): void {
  const end: End<WebAnswer> = operation.defer()
  const finish = (isGone: boolean) => {
    const route = routeOf()
    nameAfterRoute(operation, method, route)
    const tags = tagsOf() ?? {}
    const gone = isGone ? new Error("The connection was closed before the answer was complete.") : undefined
    end(gone, { status: response.statusCode, route, size: response.getHeader("content-length"), tags })
  }
  // What stands in for a response in an adapter may emit "finish" by itself.
  response.once("finish", () => finish(false))
  response.once("close", () => finish(response.writableEnded === false))
}
