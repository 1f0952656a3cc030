import type { SpanKind } from "../core/contracts.ts"
import { attributes, DecodeError, each, flags, id, integer, message, object, string, timeUs, uint32 } from "./_fields.ts"
import { parseBounded } from "./_parse.ts"
import type { ReceivedAttributes, ReceivedEvent, ReceivedLink, ReceivedScope, ReceivedSpan } from "./types.ts"

export { DecodeError } from "./_fields.ts"

/**
 * The spans of an OTLP/JSON `ExportTraceServiceRequest`, in the order they were written.
 *
 * Strict where the sender is wrong, as its spans would be unusable: throws a `DecodeError` whose message starts with the
 * path, such as `resourceSpans[0].scopeSpans[0].spans[2].traceId: 32 hex digits expected, got "5b8e"`.
 * Lenient where the specification says so: unknown fields are ignored, null is the default, ids may be in either case,
 * 64-bit integers may be numbers or strings, and unknown enum numbers count as unspecified.
 * Linear in the length of the body, at most 128 levels deep and 1,000,000 objects and arrays wide.
 */
export function decodeTraces(body: string | Uint8Array): ReceivedSpan[] {
  const request = object(parseBounded(body), "body")
  const spans: ReceivedSpan[] = []
  each(request.resourceSpans, "resourceSpans", (item) => {
    const { resource, scopeSpans, schemaUrl } = object(item)
    const resourceUrl = string(schemaUrl, "schemaUrl")
    const emitter = attributes(message(resource, "resource").attributes, "resource.attributes")
    each(scopeSpans, "scopeSpans", (inner) => {
      const scopeSpan = object(inner)
      const scope = decodeScope(scopeSpan.scope, string(scopeSpan.schemaUrl, "schemaUrl") || resourceUrl)
      each(scopeSpan.spans, "spans", (span) => void spans.push(decodeSpan(object(span), emitter, scope)))
    })
  })
  return spans
}

function decodeScope(value: unknown, schemaUrl: string): ReceivedScope {
  const scope = message(value, "scope")
  return {
    name: string(scope.name, "scope.name"),
    version: string(scope.version, "scope.version"),
    attributes: attributes(scope.attributes, "scope.attributes"),
    schemaUrl,
  }
}

/** Placed by their numbers. trace.proto: implementations may assume INTERNAL when receiving UNSPECIFIED. */
const KINDS: readonly SpanKind[] = ["internal", "internal", "server", "client", "producer", "consumer"]
const STATUS_CODES = ["unset", "ok", "error"] as const

function decodeSpan(span: Record<string, unknown>, resource: ReceivedAttributes, scope: ReceivedScope): ReceivedSpan {
  const start = timeUs(span.startTimeUnixNano, "startTimeUnixNano")
  const end = timeUs(span.endTimeUnixNano, "endTimeUnixNano")
  const status = message(span.status, "status")
  const bits = flags(span.flags)
  return {
    traceId: required(id(span.traceId, "traceId", 32), "traceId", 32),
    spanId: required(id(span.spanId, "spanId", 16), "spanId", 16),
    parentSpanId: id(span.parentSpanId, "parentSpanId", 16),
    parentIsRemote: bits & 0x100 ? (bits & 0x200) !== 0 : undefined,
    traceFlags: bits & 0xff,
    traceState: string(span.traceState, "traceState"),
    name: string(span.name, "name"),
    kind: KINDS[integer(span.kind, "kind")] ?? "internal",
    startUs: start.wholeUs + start.fractionUs,
    endUs: end.wholeUs + end.fractionUs,
    durationUs: Math.max(0, end.wholeUs - start.wholeUs + (end.fractionUs - start.fractionUs)),
    status: {
      code: STATUS_CODES[integer(status.code, "status.code")] ?? "unset",
      message: string(status.message, "status.message"),
    },
    attributes: attributes(span.attributes, "attributes"),
    events: each(span.events, "events", decodeEvent),
    links: each(span.links, "links", decodeLink),
    dropped: {
      attributes: uint32(span.droppedAttributesCount, "droppedAttributesCount"),
      events: uint32(span.droppedEventsCount, "droppedEventsCount"),
      links: uint32(span.droppedLinksCount, "droppedLinksCount"),
    },
    resource,
    scope,
  }
}

function decodeEvent(value: unknown): ReceivedEvent {
  const event = object(value)
  const time = timeUs(event.timeUnixNano, "timeUnixNano")
  return {
    timeUs: time.wholeUs + time.fractionUs,
    name: string(event.name, "name"),
    attributes: attributes(event.attributes, "attributes"),
  }
}

function decodeLink(value: unknown): ReceivedLink {
  const link = object(value)
  return {
    traceId: required(id(link.traceId, "traceId", 32), "traceId", 32),
    spanId: required(id(link.spanId, "spanId", 16), "spanId", 16),
    traceFlags: flags(link.flags) & 0xff,
    traceState: string(link.traceState, "traceState"),
    attributes: attributes(link.attributes, "attributes"),
  }
}

/** trace.proto: an empty or all-zero id is invalid, except that no parent is written so. */
function required(value: string | undefined, name: string, digits: number): string {
  if (value === undefined) throw new DecodeError(name, `${digits} hex digits expected, not all zero`)
  return value
}
