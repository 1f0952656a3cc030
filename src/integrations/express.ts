import { endWithResponse, headerTags, type NodeResponse, type Web, type WebOptions, webIntegration } from "./_web.ts"

/** What Express adds to Node's request. */
interface Request {
  readonly method?: string
  readonly originalUrl?: string
  readonly url?: string
  readonly baseUrl?: string
  readonly route?: { readonly path?: unknown }
  readonly headers: Readonly<Record<string, unknown>>
}

const web: Web = webIntegration("express")

/**
 * A middleware for Express 4 and 5: a span for each request, named after its route, until the response is out. Use it first:
 * `app.use(tracing())`. Used in a mounted app as well, it still makes one span.
 */
export function tracing(options: WebOptions = {}): (request: Request, response: NodeResponse, next: () => void) => void {
  return (request, response, next) => {
    const method = request.method ?? "GET"
    const call = () => ({
      method,
      path: pathOf(request),
      tags: headerTags("request", options.requestHeaders, (name) => request.headers[name.toLowerCase()]),
    })
    web.open(request, call, (operation) => {
      if (operation !== undefined) endWithResponse(operation, method, response, watchRoute(request), options)
      next()
    })
  }
}

function pathOf({ originalUrl, url }: Request): string {
  return (originalUrl ?? url ?? "/").split("?", 1)[0] ?? "/"
}

/** Where the app is mounted is known when the route is found; an error has left that place before it is answered. */
function watchRoute(request: Request): () => string | undefined {
  let { route } = request
  let found: string | undefined
  Object.defineProperty(request, "route", {
    configurable: true,
    enumerable: true,
    get: () => route,
    set(value: Request["route"]) {
      route = value
      // Several paths, or an expression, are as the function has written them.
      if (value?.path !== undefined) found = `${request.baseUrl ?? ""}${String(value.path)}`
    },
  })
  return () => found
}
