import { endWithResponse, headerTags, type NodeResponse, type Web, type WebOptions, webIntegration } from "./_web.ts"

interface Context {
  readonly method: string
  readonly path: string
  readonly req: object
  readonly res: NodeResponse
  /** Set by @koa/router. */
  readonly _matchedRoute?: unknown
  get(name: string): string
}

const web: Web = webIntegration("koa")

/**
 * A middleware for Koa 2 and 3: a span for each request, named after the route of @koa/router, until the response is out. Use
 * it first: `app.use(tracing())`. Used in a mounted app as well, it still makes one span.
 */
export function tracing(options: WebOptions = {}): (context: Context, next: () => Promise<unknown>) => Promise<unknown> {
  return (context, next) => {
    const { method, path } = context
    const call = () => ({ method, path, tags: headerTags("request", options.requestHeaders, (name) => context.get(name) || undefined) })
    return web.open(context.req, call, (operation) => {
      const routeOf = () => (context._matchedRoute === undefined ? undefined : String(context._matchedRoute))
      if (operation !== undefined) endWithResponse(operation, method, context.res, routeOf, options)
      return next()
    })
  }
}
