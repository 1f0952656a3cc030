import { answerTags, headerTags, nameAfterRoute, type Web, type WebOptions, webIntegration } from "./_web.ts"

interface Context {
  readonly req: {
    readonly method: string
    readonly path: string
    readonly raw: object
    readonly matchedRoutes: readonly { readonly path: string; readonly method: string }[]
    header(name: string): string | undefined
  }
  readonly res: { readonly status: number; readonly headers: { get(name: string): string | null } }
}

const web: Web = webIntegration("hono")

/**
 * A middleware for Hono 4: a span for each request, named after its route, until the handler has answered; bodies stream on
 * untouched. Use it first: `app.use(tracing())`. Used in a mounted app as well, it still makes one span.
 */
export function tracing(options: WebOptions = {}): (context: Context, next: () => Promise<void>) => Promise<void> {
  return (context, next) => {
    const { req } = context
    const call = () => ({
      method: req.method,
      path: req.path,
      tags: headerTags("request", options.requestHeaders, (name) => req.header(name)),
    })
    return web.open(req.raw, call, async (operation) => {
      // Hono catches what a handler throws, and answers with what `onError` makes of it.
      await next()
      if (operation === undefined) return
      const { status, headers } = context.res
      // Middleware is registered for all methods; a handler for its own.
      const route = req.matchedRoutes.findLast(({ method }) => method !== "ALL")?.path
      nameAfterRoute(operation, req.method, route)
      const tags = headerTags("response", options.responseHeaders, (name) => headers.get(name))
      operation.learn({ tags: answerTags({ status, route, size: headers.get("content-length"), tags }) })
    })
  }
}
