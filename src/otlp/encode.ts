import type { LinkRecord, LogRecord, Resource, SpanRecord, TagValue } from "../core/contracts.ts"

const SCHEMA = ',"schemaUrl":"https://opentelemetry.io/schemas/1.44.0"'
/** Placed by their numbers in trace.proto; 0 is "unspecified", which senders do not use. */
const KINDS: readonly unknown[] = [, "internal", "server", "client", "producer", "consumer"]
const HAS_IS_REMOTE = 0x100
const IS_REMOTE = 0x200

/**
 * Spans as the JSON of an OTLP `ExportTraceServiceRequest`. Pure, and never throws on what a span can hold.
 *
 * OpenTracing becomes OpenTelemetry as its "OpenTracing Compatibility" document says: `span.kind` is the kind, `error`
 * the status (false is Ok), a log an event, and a log with `event: "error"` an `exception` event. `error.kind` is sent as
 * `error.type`. `error.message` and `error.stack` have no current name among attributes: they travel in the status and
 * the exception event, which is added at the end of the span when only tags tell of a stack.
 * A span that still runs is sent with its start as its end and `antifreeze.unfinished: true`.
 */
export function encodeTraces(
  spans: readonly SpanRecord[],
  resource: Resource,
  scope: { readonly name: string; readonly version: string },
): string {
  if (spans.length === 0) return '{"resourceSpans":[]}'
  return `${encodeHead(resource, scope)}${each(spans, encodeSpan).slice(1)}]${SCHEMA}}]${SCHEMA}}]}`
}

type Scope = Parameters<typeof encodeTraces>[2]

const heads = new WeakMap<Resource, { readonly size: number; readonly scope: Scope; readonly text: string }>()

/** What comes before the spans: the same for every batch of an exporter, and longer than a span. */
function encodeHead(resource: Resource, scope: Scope): string {
  let known = heads.get(resource)
  if (known?.size !== resource.size || known.scope !== scope) {
    const text = `{"resourceSpans":[{"resource":{${attributes(resource).slice(1)}},"scopeSpans":[{"scope":{"name":${quote(scope.name)},"version":${quote(scope.version)}},"spans":[`
    heads.set(resource, (known = { size: resource.size, scope, text }))
  }
  return known.text
}

function encodeSpan(span: SpanRecord): string {
  const { tags, durationUs, dropped } = span
  const errorLog = span.logs.findLast(isError)
  const error = tags.get("error")
  const failed = error !== undefined && error !== false && error !== "false"
  const facts: Fields = new Map()
  let sent = ""
  for (const [key, value] of tags) {
    if (key === "span.kind" || key === "error") continue
    if ((key.startsWith("error.") || (failed && key === "stack")) && EXCEPTION.has(key)) facts.set(EXCEPTION.get(key)!, value)
    else sent += attribute(key, value)
  }
  const type = facts.get("exception.type")
  if (type !== undefined && !tags.has("error.type")) sent += attribute("error.type", type)
  if (durationUs === undefined && !tags.has("antifreeze.unfinished")) sent += attribute("antifreeze.unfinished", true)
  const message =
    facts.get("exception.message") ?? errorLog?.fields.get("message") ?? (typeof error === "string" && error !== "true" ? error : "")
  const end = nanos(span.startUs, Math.max(0, durationUs ?? 0))
  let events = each(span.logs, (log) => encodeLog(log, log === errorLog ? facts : undefined))
  // Without an error log nothing else would carry the stack, or the message of a span that did not fail.
  if (!errorLog && (facts.has("exception.stacktrace") || (!failed && facts.has("exception.message"))))
    events += "," + event("exception", end, facts)

  return (
    `{${identity(span)},"flags":${(span.traceFlags & 0xff) | HAS_IS_REMOTE | (span.parentIsRemote ? IS_REMOTE : 0)}` +
    text("parentSpanId", span.parentSpanId) +
    `,"name":${quote(span.operationName)},"kind":${Math.max(1, KINDS.indexOf(tags.get("span.kind")))}` +
    `,"startTimeUnixNano":"${nanos(span.startUs)}","endTimeUnixNano":"${end}"` +
    items("attributes", sent) +
    count("Attributes", dropped.tags) +
    items("events", events) +
    count("Events", dropped.logs) +
    items("links", each(span.links, encodeLink)) +
    count("Links", dropped.links) +
    (error === undefined ? "" : `,"status":{"code":${failed ? `2${text("message", String(message))}` : 1}}`) +
    "}"
  )
}

type Fields = Map<string, TagValue>

/** OpenTracing's names for what is known of an error, and those of OpenTelemetry's exception event. */
const EXCEPTION: ReadonlyMap<string, string> = new Map([
  ["error.kind", "exception.type"],
  ["message", "exception.message"],
  ["error.message", "exception.message"],
  ["stack", "exception.stacktrace"],
  ["error.stack", "exception.stacktrace"],
])

function isError(log: LogRecord): boolean {
  return log.fields.get("event") === "error"
}

/** `facts` fills in what the span's own tags know of its last error. */
function encodeLog(log: LogRecord, facts: Fields | undefined): string {
  const error = isError(log)
  const fields: Fields = new Map(facts)
  for (const [key, value] of log.fields) if (key !== "event") fields.set((error && EXCEPTION.get(key)) || key, value)
  return event(error ? "exception" : String(log.fields.get("event") || "log"), nanos(log.timeUs), fields)
}

function event(name: string, time: string, fields: Fields): string {
  return `{"timeUnixNano":"${time}","name":${quote(name)}${attributes(fields)}}`
}

/** A link says nothing of being remote: bits 8 and 9 stay 0, which is "unknown". */
function encodeLink(link: LinkRecord): string {
  return `{${identity(link)},"flags":${link.traceFlags & 0xff}${attributes(link.tags)}}`
}

function identity(of: LinkRecord | SpanRecord): string {
  return `"traceId":"${of.traceId}","spanId":"${of.spanId}"${text("traceState", of.traceState)}`
}

function attributes(from: ReadonlyMap<string, TagValue>): string {
  let sent = ""
  for (const [key, value] of from) sent += attribute(key, value)
  return items("attributes", sent)
}

/** Every item with a comma before it, for `items` to wrap. */
function each<T>(all: readonly T[], encode: (item: T) => string): string {
  let encoded = ""
  for (const item of all) encoded += "," + encode(item)
  return encoded
}

/** A field that is left out when it is empty, as the Protobuf JSON mapping has it for defaults. */
function items(name: string, encoded: string): string {
  return encoded && `,"${name}":[${encoded.slice(1)}]`
}

function text(name: string, value: string | undefined): string {
  return value ? `,"${name}":${quote(value)}` : ""
}

function count(name: string, dropped: number): string {
  return dropped > 0 ? `,"dropped${name}Count":${dropped}` : ""
}

function attribute(key: string, value: TagValue): string {
  return `,{"key":${quote(key)},"value":${anyValue(value)}}`
}

function anyValue(value: TagValue): string {
  if (typeof value === "string") return `{"stringValue":${quote(value)}}`
  if (typeof value === "number") return Number.isSafeInteger(value) ? `{"intValue":"${value}"}` : double(value)
  if (typeof value === "boolean") return `{"boolValue":${value}}`
  if (!Array.isArray(value)) return "{}"
  // OpenTelemetry specification, "Attribute": an array holds one type, so one double makes doubles of all.
  const doubles = value.some((item) => typeof item === "number" && !Number.isSafeInteger(item))
  return `{"arrayValue":{"values":[${each(value, doubles ? double : anyValue).slice(1)}]}}`
}

/** Protobuf JSON mapping, "double": a number, or one of the strings "NaN", "Infinity", "-Infinity". */
function double(value: number): string {
  return `{"doubleValue":${Number.isFinite(value) ? value : `"${value}"`}}`
}

/** Exact: nanoseconds since the epoch do not fit into a double, so whole and fraction never meet. */
function nanos(us: number, plusUs = 0): string {
  const wholeUs = Math.floor(us) + Math.floor(plusUs)
  const ns = Math.round((us - Math.floor(us) + plusUs - Math.floor(plusUs)) * 1000)
  if (ns >= 1000) return nanos(wholeUs + Math.floor(ns / 1000), (ns % 1000) / 1000)
  // Also NaN, and what a fixed64 cannot hold.
  if (!(wholeUs >= 0 && wholeUs < 1.8e16)) return "0"
  return wholeUs > 0 ? wholeUs + String(ns).padStart(3, "0") : String(ns)
}

const PLAIN = /^[ !#-[\]-~]*$/

/** A lone surrogate cannot be written in UTF-8, and strict parsers refuse the whole batch for its escape: U+FFFD instead. */
function quote(value: string): string {
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value.replace(/\p{Cs}/gu, "\ufffd"))
}
