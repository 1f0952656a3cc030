import type { CloudFrontRequestEvent } from "aws-lambda"
import type { Loose, Recognise } from "./_event.ts"
import { headerOf, resultTags, trigger } from "./http.ts"

/** Lambda@Edge: a viewer's or an origin's request or response. */
export const cloudFrontTrigger: Recognise = (event) => {
  const { config, request } = (event as Loose<CloudFrontRequestEvent>).Records?.[0]?.cf ?? {}
  if (typeof request?.method !== "string") return undefined
  const headers = headersOf(request.headers ?? {})
  const described = trigger({
    method: request.method,
    path: request.uri,
    route: undefined,
    headers,
    query: request.querystring || undefined,
    host: headerOf(headers, "host") ?? config?.distributionDomainName,
    client: request.clientIp,
    protocol: undefined,
    bodySize: undefined,
    // A request that is let through has no status yet.
    tagsOf: (result) =>
      resultTags(
        { statusCode: (result as { status?: unknown } | null)?.status, body: (result as { body?: unknown } | null)?.body },
        undefined,
      ),
  })
  const tags = {
    ...described.tags,
    "aws.cloudfront.event_type": config?.eventType,
    "aws.cloudfront.distribution.id": config?.distributionId,
  }
  return { ...described, tags }
}

/** `{ name: [{ key, value }] }` */
function headersOf(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [
      name,
      Array.isArray(values) ? values.map((each: { value?: unknown } | null) => each?.value) : undefined,
    ]),
  )
}
