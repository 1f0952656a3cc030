import type { APIGatewayProxyEvent, APIGatewayProxyEventV2 } from "aws-lambda"
import type { Trigger } from "../core/contracts.ts"

type RestEvent = Pick<APIGatewayProxyEvent, "httpMethod" | "path" | "resource" | "headers" | "requestContext">

/**
 * API Gateway REST and HTTP APIs (payload versions 1.0 and 2.0) and function URLs, or `undefined` for any other event.
 * Conventions: OpenTelemetry "HTTP server span" and "AWS Lambda, API Gateway".
 */
export function httpTrigger(event: unknown): Trigger | undefined {
  if (event === null || typeof event !== "object") return undefined
  const { requestContext, httpMethod } = event as { requestContext?: { http?: unknown }; httpMethod?: unknown }
  if (requestContext === null || typeof requestContext !== "object") return undefined
  if (typeof httpMethod === "string") return fromRest(event as RestEvent)
  return typeof requestContext.http === "object" ? fromHttp(event as APIGatewayProxyEventV2) : undefined
}

function fromRest({ httpMethod, path, resource, headers, requestContext }: RestEvent): Trigger {
  return trigger(httpMethod, path, resource || undefined, headers, requestContext.domainName, requestContext.identity?.sourceIp)
}

function fromHttp({ rawPath, routeKey, headers, requestContext }: APIGatewayProxyEventV2): Trigger {
  const { method, sourceIp } = requestContext.http
  // "GET /items/{id}"; "$default" names no route.
  const route = routeKey?.includes("/") ? routeKey.slice(routeKey.indexOf("/")) : undefined
  return trigger(method, rawPath, route, headers, requestContext.domainName, sourceIp)
}

const KNOWN_METHODS = new Set(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"])

function trigger(
  method: string,
  path: string | undefined,
  route: string | undefined,
  headers: Record<string, string | undefined> | null,
  host: string | undefined,
  client: string | undefined,
): Trigger {
  const known = KNOWN_METHODS.has(method)
  const name = known ? method : "HTTP"
  return {
    operationName: route === undefined ? name : `${name} ${route}`,
    kind: "server",
    carrier: headers ?? {},
    tags: {
      "faas.trigger": "http",
      "http.request.method": known ? method : "_OTHER",
      "http.request.method_original": known ? undefined : method,
      "http.route": route,
      "url.path": path,
      "url.scheme": header(headers, "x-forwarded-proto") ?? "https",
      "server.address": host,
      "client.address": client,
      "user_agent.original": header(headers, "user-agent"),
    },
    tagsOf: resultTags,
  }
}

/** Without a status code API Gateway's payload 2.0 answers 200. */
function resultTags(result: unknown): Record<string, unknown> {
  const { statusCode } = (result ?? {}) as { statusCode?: unknown }
  const status = Number(statusCode ?? 200)
  if (!Number.isInteger(status)) return {}
  return { "http.response.status_code": status, ...(status >= 500 && { error: true, "error.type": String(status) }) }
}

function header(headers: Record<string, string | undefined> | null, wanted: string): string | undefined {
  for (const name of Object.keys(headers ?? {})) {
    if (name.length === wanted.length && name.toLowerCase() === wanted) return headers?.[name]
  }
  return undefined
}
