import type { ALBEvent, APIGatewayProxyEvent, APIGatewayProxyEventV2 } from "aws-lambda"
import type { Tags, Trigger } from "../core/contracts.ts"
import { readMethod } from "../core/http-method.ts"
import { redactQuery } from "../core/redact.ts"
import type { Loose, Recognise } from "./_event.ts"

type Headers = Readonly<Record<string, unknown>>
type RestEvent = Loose<APIGatewayProxyEvent> & { readonly version?: string; readonly methodArn?: string }
type HttpEvent = Loose<APIGatewayProxyEventV2> & { readonly routeArn?: string }

/**
 * API Gateway REST, HTTP (payload 1.0 and 2.0) and WebSocket APIs and their authorizers, function URLs, and load balancers
 * (single and multi-value headers). Conventions: OpenTelemetry "HTTP server span" and "AWS Lambda, API Gateway".
 */
export const httpTrigger: Recognise = (event) => {
  const { requestContext } = event as { requestContext?: Readonly<Record<string, unknown>> | null }
  if (requestContext === undefined || requestContext === null || typeof requestContext !== "object") return undefined
  if (requestContext["elb"] !== undefined && typeof event["httpMethod"] === "string") return fromLoadBalancer(event as Loose<ALBEvent>)
  if (typeof requestContext["connectionId"] === "string" && typeof requestContext["routeKey"] === "string")
    return fromWebSocket(event, requestContext)
  if (typeof event["httpMethod"] === "string") return fromRest(event as RestEvent)
  const { http } = requestContext
  return http !== null && typeof http === "object" ? fromHttp(event as HttpEvent) : undefined
}

function fromRest(event: RestEvent): Trigger {
  const {
    httpMethod = "",
    path,
    resource,
    multiValueQueryStringParameters,
    queryStringParameters,
    requestContext,
    body,
    isBase64Encoded,
  } = event
  const { domainName, identity, protocol } = requestContext ?? {}
  const isAuthorizer = typeof event.methodArn === "string"
  return trigger({
    method: httpMethod,
    path,
    route: resource || undefined,
    headers: { ...event.headers, ...event.multiValueHeaders },
    query: queryOf(multiValueQueryStringParameters ?? queryStringParameters, true),
    host: domainName,
    client: identity?.sourceIp,
    protocol,
    bodySize: sizeOf(body, isBase64Encoded),
    // What API Gateway tells the client of an answer that it cannot read.
    tagsOf: isAuthorizer ? undefined : (result) => resultTags(result, event.version === "1.0" ? 500 : 502),
  })
}

function fromHttp(event: HttpEvent): Trigger {
  const { rawPath, routeKey, rawQueryString, headers, requestContext, body, isBase64Encoded } = event
  const { method = "", sourceIp, protocol } = requestContext?.http ?? {}
  // "GET /items/{id}"; "$default" names no route.
  const route = routeKey?.includes("/") ? routeKey.slice(routeKey.indexOf("/")) : undefined
  return trigger({
    method,
    path: rawPath,
    route,
    headers: headers ?? {},
    query: rawQueryString || undefined,
    host: requestContext?.domainName,
    client: sourceIp,
    protocol,
    bodySize: sizeOf(body, isBase64Encoded),
    // Payload 2.0: whatever has no status code is the body of a 200.
    tagsOf: typeof event.routeArn === "string" ? undefined : (result) => resultTags(result, 200),
  })
}

function fromLoadBalancer({
  httpMethod = "",
  path,
  headers,
  multiValueHeaders,
  queryStringParameters,
  multiValueQueryStringParameters,
  body,
  isBase64Encoded,
}: Loose<ALBEvent>): Trigger {
  const all = { ...headers, ...multiValueHeaders }
  return trigger({
    method: httpMethod,
    path,
    route: undefined,
    headers: all,
    // A load balancer hands the query on as it came, encoded.
    query: queryOf(multiValueQueryStringParameters ?? queryStringParameters, false),
    host: headerOf(all, "host")?.replace(/:\d+$/, ""),
    client: headerOf(all, "x-forwarded-for")?.split(",")[0]?.trim(),
    protocol: undefined,
    bodySize: sizeOf(body, isBase64Encoded),
    tagsOf: (result) => resultTags(result, 502),
  })
}

/** A message on a socket is no request: it has a route, and only `$connect` has headers. */
function fromWebSocket(
  { headers }: Readonly<Record<string, unknown>>,
  { routeKey, domainName, messageId, identity }: Readonly<Record<string, unknown>>,
): Trigger {
  return {
    operationName: String(routeKey),
    kind: "server",
    carrier: headers ?? {},
    tags: {
      "faas.trigger": "http",
      "http.route": routeKey,
      "url.scheme": "wss",
      "network.protocol.name": "websocket",
      "server.address": domainName,
      "client.address": (identity as { sourceIp?: unknown } | undefined)?.sourceIp,
      "messaging.message.id": messageId,
    },
    tagsOf: (result) => (result === null || result === undefined ? {} : resultTags(result, undefined)),
  }
}

interface Request {
  readonly method: string
  readonly path: string | undefined
  readonly route: string | undefined
  readonly headers: Headers
  readonly query: string | undefined
  readonly host: string | undefined
  readonly client: string | undefined
  readonly protocol: string | undefined
  readonly bodySize: number | undefined
  readonly tagsOf: ((result: unknown) => Tags) | undefined
}

export function trigger({ method, path, route, headers, query, host, client, protocol, bodySize, tagsOf }: Request): Trigger {
  const { name, told, original } = readMethod(method)
  const port = Number(headerOf(headers, "x-forwarded-port"))
  return {
    operationName: route === undefined ? name : `${name} ${route}`,
    kind: "server",
    carrier: headers,
    tags: {
      "faas.trigger": "http",
      "http.request.method": told,
      "http.request.method_original": original,
      "http.route": route,
      "http.request.body.size": bodySize,
      "url.path": path,
      "url.query": query === undefined ? undefined : redactQuery(query),
      "url.scheme": headerOf(headers, "x-forwarded-proto") ?? "https",
      "server.address": host,
      "server.port": port > 0 ? port : undefined,
      "client.address": client,
      "network.protocol.version": protocol?.split("/")[1],
      "user_agent.original": headerOf(headers, "user-agent"),
    },
    ...(tagsOf !== undefined && { tagsOf }),
  }
}

/** `otherwise` is the status that the client sees when the result has none. */
export function resultTags(result: unknown, otherwise: number | undefined): Tags {
  const { statusCode, body, isBase64Encoded } = (result ?? {}) as { statusCode?: unknown; body?: unknown; isBase64Encoded?: unknown }
  const status = Number(statusCode ?? otherwise)
  if (!Number.isInteger(status)) return {}
  return {
    "http.response.status_code": status,
    "http.response.body.size": sizeOf(body, isBase64Encoded),
    ...(status >= 500 && { error: true, "error.type": String(status) }),
  }
}

/** Of text its length in UTF-8, of base64 the length of what it stands for. */
function sizeOf(body: unknown, isBase64: unknown): number | undefined {
  if (typeof body !== "string") return undefined
  return isBase64 === true ? Math.floor((body.replace(/=+$/, "").length * 3) / 4) : Buffer.byteLength(body)
}

function queryOf(parameters: Readonly<Record<string, unknown>> | null | undefined, isDecoded: boolean): string | undefined {
  const encode = isDecoded ? encodeURIComponent : String
  const pairs = Object.entries(parameters ?? {}).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => `${encode(name)}=${encode(String(value))}`),
  )
  return pairs.length === 0 ? undefined : pairs.join("&")
}

export function headerOf(headers: Headers, wanted: string): string | undefined {
  for (const name of Object.keys(headers)) {
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue
    const value = headers[name]
    const first: unknown = Array.isArray(value) ? value[0] : value
    if (typeof first === "string") return first
  }
  return undefined
}
