import type { Tags, Trigger } from "../../core/contracts.ts"
import { readMethod } from "../../core/http-method.ts"
import { redactQuery } from "../../core/redact.ts"

/** A Request of the fetch standard. Conventions: OpenTelemetry "HTTP server span"; the route is not known, so the name is the method. */
export function requestTrigger(request: Request): Trigger {
  const { method, headers } = request
  const { name, told, original } = readMethod(method)
  const [, scheme, host, port, path, query] = /^(\w+):\/\/(\[[^\]]*\]|[^/:?#]*)(?::(\d+))?([^?#]*)(?:\?([^#]*))?/.exec(request.url) ?? []
  return {
    operationName: name,
    kind: "server",
    carrier: headers,
    tags: {
      "faas.trigger": "http",
      "http.request.method": told,
      "http.request.method_original": original,
      "url.scheme": scheme,
      "server.address": host,
      "server.port": port && Number(port),
      "url.path": path || "/",
      "url.query": query && redactQuery(query),
      "user_agent.original": headers.get("user-agent") ?? undefined,
      "client.address": headers.get("cf-connecting-ip") ?? undefined,
    },
    tagsOf: responseTags,
  }
}

/** For a server, only 5xx is an error. */
export function responseTags(response: unknown): Tags {
  const { status } = (response ?? {}) as { status?: unknown }
  if (typeof status !== "number") return {}
  return { "http.response.status_code": status, ...(status >= 500 && { error: true, "error.type": String(status) }) }
}
