import { type Request, watchRoute } from "./_express.ts"
import { endWithResponse, type NodeResponse, type Web, type WebOptions, webIntegration } from "./_web.ts"

interface Response extends NodeResponse {
  send?(this: unknown, ...args: unknown[]): unknown
}

const web: Web = webIntegration("express")

/**
 * A middleware for Express 4 and 5: a span for each request, named after its route, until the response is out. Use it first:
 * `app.use(tracing())`. Used in a mounted app as well, it still makes one span.
 */
export function tracing({ capture }: WebOptions = {}): (request: Request, response: Response, next: () => void) => void {
  return (request, response, next) => {
    const method = request.method ?? "GET"
    const asked = { header: (name: string) => request.headers[name] }
    const call = () => ({ method, path: pathOf(request), tags: capture?.requestTags(asked) ?? {} })
    web.open(request, call, (operation) => {
      if (operation !== undefined) {
        const body = capture?.wantsResponseBody ? watchBody(response) : undefined
        const tagsOf = () =>
          capture && {
            ...capture.requestTags({ ...asked, body: () => request.body }),
            ...capture.responseTags({ header: (name) => response.getHeader(name), ...(body && { body }) }),
          }
        endWithResponse(operation, method, response, watchRoute(request), tagsOf)
      }
      next()
    })
  }
}

/** What `send` is given, as the last of those that call one another: an object has become text by then. Nothing that streams. */
function watchBody(response: Response): () => unknown {
  const { send } = response
  let body: unknown
  if (typeof send === "function") {
    response.send = function (...args) {
      body = args[0]
      return Reflect.apply(send, this, args)
    }
  }
  return () => body
}

function pathOf({ originalUrl, url }: Request): string {
  return (originalUrl ?? url ?? "/").split("?", 1)[0] ?? "/"
}
