import { answerTags, nameAfterRoute, type Web, type WebOptions, webIntegration } from "./_web.ts"

interface Context {
  readonly req: {
    readonly method: string
    readonly path: string
    readonly raw: object
    readonly matchedRoutes: readonly { readonly path: string; readonly method: string }[]
    /** What the handler has read of the body. */
    readonly bodyCache?: { readonly text?: unknown; readonly parsedBody?: unknown }
    header(name: string): string | undefined
  }
  readonly res: { readonly status: number; readonly headers: { get(name: string): string | null } }
}

const web: Web = webIntegration("hono")

/**
 * A middleware for Hono 4: a span for each request, named after its route, until the handler has answered; bodies stream on
 * untouched. Use it first: `app.use(tracing())`. Used in a mounted app as well, it still makes one span.
 */
export function tracing({ capture }: WebOptions = {}): (context: Context, next: () => Promise<void>) => Promise<void> {
  return (context, next) => {
    const { req } = context
    const asked = { header: (name: string) => req.header(name) }
    const call = () => ({ method: req.method, path: req.path, tags: capture?.requestTags(asked) ?? {} })
    return web.open(req.raw, call, async (operation) => {
      const answered = operation !== undefined && capture?.wantsResponseBody ? watchBody(context) : undefined
      // Hono catches what a handler throws, and answers with what `onError` makes of it.
      await next()
      if (operation === undefined) return
      const { status, headers } = context.res
      // Middleware is registered for all methods; a handler for its own.
      const route = req.matchedRoutes.findLast(({ method }) => method !== "ALL")?.path
      nameAfterRoute(operation, req.method, route)
      operation.learn({ tags: answerTags({ status, route, size: headers.get("content-length") }) })
      if (capture === undefined) return
      const body = await settled(req.bodyCache?.text ?? req.bodyCache?.parsedBody)
      operation.learn({ tags: capture.requestTags({ ...asked, body: () => body }) })
      operation.learn({ tags: capture.responseTags({ header: (name) => headers.get(name), ...(answered && { body: answered }) }) })
    })
  }
}

/** What the context makes its answer of. A `Response` of the handler's own has a stream, which is its reader's alone. */
function watchBody(context: Context): () => unknown {
  let body: unknown
  const makers = context as unknown as Record<string, unknown>
  for (const name of ["body", "text", "json", "html"]) {
    const make = makers[name]
    if (typeof make !== "function") continue
    makers[name] = function (this: unknown, ...args: unknown[]) {
      body = args[0]
      return Reflect.apply(make, this, args)
    }
  }
  return () => body
}

/** The value of a promise that has settled, without waiting for one that has not. */
async function settled(value: unknown): Promise<unknown> {
  try {
    return await Promise.race([value, undefined])
  } catch {
    return undefined
  }
}
