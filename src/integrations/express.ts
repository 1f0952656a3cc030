import { type Request, watchRoute } from "./_express.ts"
import { endWithResponse, headerTags, type NodeResponse, type Web, type WebOptions, webIntegration } from "./_web.ts"

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
