import { endWithResponse, type NodeResponse, type Web, type WebOptions, webIntegration } from "./_web.ts"

interface Request {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly raw: object
  readonly body?: unknown
  readonly routeOptions?: { readonly url?: string | undefined }
}
interface Reply {
  readonly raw: NodeResponse
}
interface Instance {
  addHook(name: "onRequest", hook: (request: Request, reply: Reply, done: () => void) => void): unknown
  addHook(name: "onSend", hook: (request: Request, reply: Reply, payload: unknown, done: () => void) => void): unknown
}

const web: Web = webIntegration("fastify")

/** A plugin for Fastify 4 and 5: a span for each request, named after its route, until the response is out: `app.register(tracing())`. */
export function tracing({ capture }: WebOptions = {}): (instance: Instance, _: unknown, done: () => void) => void {
  const payloads = new WeakMap<object, unknown>()
  const plugin = (instance: Instance, _: unknown, done: () => void) => {
    instance.addHook("onRequest", (request, { raw }, next) => {
      const { method } = request
      const asked = { header: (name: string) => request.headers[name] }
      const call = () => ({ method, path: request.url.split("?", 1)[0] ?? "/", tags: capture?.requestTags(asked) ?? {} })
      web.open(request.raw, call, (operation) => {
        const tagsOf = () =>
          capture && {
            ...capture.requestTags({ ...asked, body: () => request.body }),
            ...capture.responseTags({ header: (name) => raw.getHeader(name), body: () => payloads.get(raw) }),
          }
        if (operation !== undefined) endWithResponse(operation, method, raw, () => request.routeOptions?.url, tagsOf)
        next()
      })
    })
    // Text, bytes, or a stream that is left alone.
    if (capture?.wantsResponseBody) {
      instance.addHook("onSend", (_request, { raw }, payload, next) => {
        payloads.set(raw, payload)
        next()
      })
    }
    done()
  }
  // Fastify's own mark (fastify-plugin): the hook is for the whole app, not for this plugin's part of it.
  return Object.assign(plugin, { [Symbol.for("skip-override")]: true, [Symbol.for("fastify.display-name")]: "antifreeze" })
}
