import type { Tags, Trigger } from "../../core/contracts.ts"
import { readMethod } from "../../core/http-method.ts"
import { redactUrl } from "../../core/redact.ts"
import { readUrl, statusTags } from "./http.ts"

/** A Request of the fetch standard. Conventions: OpenTelemetry "HTTP server span"; the route is not known, so the name is the method. */
export function requestTrigger(request: Request): Trigger {
  const { method, headers } = request
  const { name, told, original } = readMethod(method)
  const { scheme, host, port, path, query } = readUrl(request.url)
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
      "server.port": port,
      "url.path": path || "/",
      "url.query": redactUrl(query).slice(1) || undefined,
      "user_agent.original": headers.get("user-agent") ?? undefined,
      "client.address": headers.get("cf-connecting-ip") ?? undefined,
    },
    tagsOf: responseTags,
  }
}

export function responseTags(response: unknown): Tags {
  return statusTags(response, 500)
}
