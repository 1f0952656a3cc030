import type { IncomingHttpHeaders } from "node:http"

/** A Lambda invocation, told again from the request that the Lambda Web Adapter has made of it. */
export interface Adapted {
  /** A request as API Gateway and function URLs send it (payload 2.0), whichever it was; `undefined` for an event of another kind. */
  readonly event: object | undefined
  /** The part of Lambda's context that the tracer reads. */
  readonly context: { readonly awsRequestId: string }
}

type Json = Readonly<Record<string, unknown>>

/**
 * The adapter's headers, JSON both: "x-amzn-lambda-context", the context of AWS's runtime for Rust, and "x-amzn-request-context", the
 * event's `requestContext` (API Gateway v1 or v2, or a load balancer), which is null when the event was not a request. The adapter
 * overwrites what a client sends under these names.
 */
export function readAdapter(method: string, url: string, headers: IncomingHttpHeaders): Adapted | undefined {
  const lambda = parse(headers["x-amzn-lambda-context"])
  const { request_id: awsRequestId, deadline } = lambda ?? {}
  if (typeof awsRequestId !== "string") return undefined
  const context = {
    awsRequestId,
    invokedFunctionArn: lambda?.["invoked_function_arn"],
    xRayTraceId: lambda?.["xray_trace_id"],
    clientContext: lambda?.["client_context"],
    ...(typeof deadline === "number" && { getRemainingTimeInMillis: () => deadline - Date.now() }),
  }
  const request = parse(headers["x-amzn-request-context"])
  return { context, event: request && eventOf(request, method, url, headers) }
}

function eventOf(request: Json, method: string, url: string, headers: IncomingHttpHeaders): object {
  const { http, identity, domainName, routeKey, resourcePath, protocol } = request
  const [path, query] = url.split("?", 2)
  return {
    version: "2.0",
    // Of a REST API the resource; a load balancer has neither.
    routeKey: routeKey ?? `${method} ${(resourcePath as string | null | undefined) ?? ""}`,
    rawPath: path,
    rawQueryString: query,
    headers,
    requestContext: {
      domainName: domainName ?? headers.host?.replace(/:\d+$/, ""),
      http: {
        method,
        protocol,
        // A load balancer tells the client in this header alone.
        sourceIp: (identity as Json | undefined)?.["sourceIp"] ?? String(headers["x-forwarded-for"] ?? "").split(",")[0] ?? undefined,
        ...(http as Json | undefined),
      },
    },
  }
}

function parse(header: string | string[] | undefined): Json | undefined {
  try {
    const value: unknown = JSON.parse(String(header))
    return value !== null && typeof value === "object" ? (value as Json) : undefined
  } catch {
    return undefined
  }
}
