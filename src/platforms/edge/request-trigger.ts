import type { Tags, Trigger } from "../../core/contracts.ts"

const KNOWN_METHODS = new Set(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"])

/** A Request of the fetch standard. Conventions: OpenTelemetry "HTTP server span"; the route is not known, so the name is the method. */
export function requestTrigger(request: Request): Trigger {
  const { method, headers } = request
  const known = KNOWN_METHODS.has(method)
  const [, scheme, host, port, path, query] = /^(\w+):\/\/(\[[^\]]*\]|[^/:?#]*)(?::(\d+))?([^?#]*)(?:\?([^#]*))?/.exec(request.url) ?? []
  return {
    operationName: known ? method : "HTTP",
    kind: "server",
    carrier: headers,
    tags: {
      "faas.trigger": "http",
      "http.request.method": known ? method : "_OTHER",
      "http.request.method_original": known ? undefined : method,
      "url.scheme": scheme,
      "server.address": host,
      "server.port": port && Number(port),
      "url.path": path || "/",
      "url.query": query && redact(query),
      "user_agent.original": headers.get("user-agent") ?? undefined,
      "client.address": headers.get("cf-connecting-ip") ?? undefined,
    },
    tagsOf: responseTags,
  }
}

/** OpenTelemetry semantic conventions, `url.query`: these values are secrets. */
function redact(query: string): string {
  return query.replace(/(^|&)(sig|signature|AWSAccessKeyId|X-Goog-Signature)=[^&]*/gi, "$1$2=REDACTED")
}

/** For a server, only 5xx is an error. */
export function responseTags(response: unknown): Tags {
  const { status } = (response ?? {}) as { status?: unknown }
  if (typeof status !== "number") return {}
  return { "http.response.status_code": status, ...(status >= 500 && { error: true, "error.type": String(status) }) }
}
