import { endWithResponse, headerTags, type NodeResponse, type Web, type WebOptions, webIntegration } from "./_web.ts"

interface Request {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly raw: object
  readonly routeOptions?: { readonly url?: string | undefined }
}
interface Instance {
  addHook(name: "onRequest", hook: (request: Request, reply: { readonly raw: NodeResponse }, done: () => void) => void): unknown
}

const web: Web = webIntegration("fastify")

/** A plugin for Fastify 4 and 5: a span for each request, named after its route, until the response is out: `app.register(tracing())`. */
export function tracing(options: WebOptions = {}): (instance: Instance, _: unknown, done: () => void) => void {
  const plugin = (instance: Instance, _: unknown, done: () => void) => {
    instance.addHook("onRequest", (request, reply, next) => {
      const { method } = request
      const call = () => ({
        method,
        path: request.url.split("?", 1)[0] ?? "/",
        tags: headerTags("request", options.requestHeaders, (name) => request.headers[name.toLowerCase()]),
      })
      web.open(request.raw, call, (operation) => {
        if (operation !== undefined) endWithResponse(operation, method, reply.raw, () => request.routeOptions?.url, options)
        next()
      })
    })
    done()
  }
  // Fastify's own mark (fastify-plugin): the hook is for the whole app, not for this plugin's part of it.
  return Object.assign(plugin, { [Symbol.for("skip-override")]: true, [Symbol.for("fastify.display-name")]: "antifreeze" })
}
