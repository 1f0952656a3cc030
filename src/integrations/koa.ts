import { endWithResponse, type NodeResponse, type Web, type WebOptions, webIntegration } from "./_web.ts"

interface Context {
  readonly method: string
  readonly path: string
  readonly req: object
  readonly res: NodeResponse
  /** Set by @koa/router. */
  readonly _matchedRoute?: unknown
  readonly request: { readonly body?: unknown }
  readonly body?: unknown
  get(name: string): string
}

const web: Web = webIntegration("koa")

/**
 * A middleware for Koa 2 and 3: a span for each request, named after the route of @koa/router, until the response is out. Use
 * it first: `app.use(tracing())`. Used in a mounted app as well, it still makes one span.
 */
export function tracing({ capture }: WebOptions = {}): (context: Context, next: () => Promise<unknown>) => Promise<unknown> {
  return (context, next) => {
    const { method, path, res } = context
    const asked = { header: (name: string) => context.get(name) || undefined }
    const call = () => ({ method, path, tags: capture?.requestTags(asked) ?? {} })
    return web.open(context.req, call, (operation) => {
      const tagsOf = () =>
        capture && {
          // Set where something has parsed it.
          ...capture.requestTags({ ...asked, body: () => context.request.body }),
          ...capture.responseTags({ header: (name) => res.getHeader(name), body: () => context.body }),
        }
      if (operation !== undefined) endWithResponse(operation, method, res, watchRoute(context, path), tagsOf)
      return next()
    })
  }
}

/** koa-mount takes the prefix off the path while it is in the mounted app, which is when the route is found. */
function watchRoute(context: Context, whole: string): () => string | undefined {
  let matched = context._matchedRoute
  let found: string | undefined
  Object.defineProperty(context, "_matchedRoute", {
    configurable: true,
    enumerable: true,
    get: () => matched,
    set(value: unknown) {
      matched = value
      // An expression is as the function has written it.
      if (value !== undefined && value !== null) found = `${prefixOf(whole, context.path)}${String(value)}`
    },
  })
  return () => found
}

function prefixOf(whole: string, path: string): string {
  const rest = path === "/" && !whole.endsWith("/") ? "" : path
  return whole.endsWith(rest) ? whole.slice(0, whole.length - rest.length) : ""
}
