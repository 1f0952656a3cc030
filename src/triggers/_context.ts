/** The key under which a payload in JSON carries the headers of its sender: first of all, so that it is found without parsing. */
export const CONTEXT_KEY = "_traceContext"
/** Far more than three headers need. */
const MAX_CONTEXT = 10_000
const MAX_DEPTH = 3

/** A flat object of JSON; a brace within a value does not end it. */
const HEADERS = /^\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}/

/** The headers inside of a JSON text that begins with them, or `undefined`. */
export function contextInJson(json: unknown): object | undefined {
  if (typeof json !== "string") return undefined
  const [start] = /^\s*\{\s*"_traceContext"\s*:\s*/.exec(json.slice(0, 100)) ?? []
  if (start === undefined) return undefined
  const [headers] = HEADERS.exec(json.slice(start.length, MAX_CONTEXT)) ?? []
  return headers === undefined ? undefined : (parse(headers) as object | undefined)
}

/** The same for base64, of which only the start is decoded. */
export function contextInBase64(data: unknown): object | undefined {
  if (typeof data !== "string" || !/^e[wy]/.test(data)) return undefined
  return contextInJson(Buffer.from(data.slice(0, MAX_CONTEXT), "base64").toString())
}

/** The headers inside of a value that was JSON. */
export function contextIn(value: unknown): object | undefined {
  const found = (value as { [CONTEXT_KEY]?: unknown } | null | undefined)?.[CONTEXT_KEY]
  return found !== null && typeof found === "object" ? found : undefined
}

interface Attribute {
  readonly stringValue?: unknown
  readonly binaryValue?: unknown
  readonly Type?: unknown
  readonly Value?: unknown
}

/** Message attributes of SQS (`stringValue`, `binaryValue`) and SNS (`Type`, `Value`) as headers; binary ones hold the same text. */
export function fromAttributes(attributes: unknown): Record<string, unknown> {
  const headers: Record<string, unknown> = {}
  if (attributes === null || typeof attributes !== "object") return headers
  for (const [name, attribute] of Object.entries(attributes as Record<string, Attribute | null>)) {
    const { stringValue, binaryValue, Type, Value } = attribute ?? {}
    const binary = binaryValue ?? (Type === "Binary" ? Value : undefined)
    headers[name] = typeof binary === "string" ? Buffer.from(binary, "base64").toString() : (stringValue ?? Value)
  }
  return headers
}

/** What a message brought along in its body, from the services that it went through on its way here. */
export interface Unwrapped {
  readonly headers: object
  readonly tags: Readonly<Record<string, unknown>>
}

/** SNS, EventBridge and S3 put their envelope into the message that they hand on; each of them may be within another. */
export function unwrap(body: unknown, depth = 0): Unwrapped {
  const nothing = { headers: {}, tags: {} }
  if (depth === MAX_DEPTH || typeof body !== "string" || !/^\s*\{/.test(body)) return nothing
  const direct = contextInJson(body)
  if (direct !== undefined) return { headers: direct, tags: {} }
  // Nobody pays for parsing a body that is the user's own.
  if (!/"TopicArn"|"detail-type"|"aws:s3"/.test(body)) return nothing
  const envelope = parse(body) as Record<string, unknown> | undefined
  if (typeof envelope?.["TopicArn"] === "string") {
    const inner = unwrap(envelope["Message"], depth + 1)
    return {
      headers: { ...inner.headers, ...fromAttributes(envelope["MessageAttributes"]) },
      tags: { ...inner.tags, "aws.sns.topic.arn": envelope["TopicArn"] },
    }
  }
  if (typeof envelope?.["detail-type"] === "string") {
    const tags = { "cloudevents.event_source": envelope["source"], "cloudevents.event_type": envelope["detail-type"] }
    return { headers: contextIn(envelope["detail"]) ?? {}, tags }
  }
  const [record] = Array.isArray(envelope?.["Records"]) ? (envelope["Records"] as { s3?: { bucket?: { name?: unknown } } }[]) : []
  return { headers: {}, tags: { "aws.s3.bucket": record?.s3?.bucket?.name } }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
