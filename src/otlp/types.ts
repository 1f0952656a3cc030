/**
 * OTLP's trace messages as JSON (opentelemetry-proto 1.x, trace/v1/trace.proto; "JSON Protobuf Encoding" of the OTLP
 * specification), and the spans as a receiver holds them. Types only.
 */
import type { SpanKind } from "../core/contracts.ts"

export interface ExportTraceServiceRequest {
  resourceSpans?: OtlpResourceSpans[]
}

export interface OtlpResourceSpans {
  resource?: { attributes?: OtlpKeyValue[]; droppedAttributesCount?: number }
  scopeSpans?: OtlpScopeSpans[]
  schemaUrl?: string
}

export interface OtlpScopeSpans {
  scope?: { name?: string; version?: string; attributes?: OtlpKeyValue[]; droppedAttributesCount?: number }
  spans?: OtlpSpan[]
  schemaUrl?: string
}

export interface OtlpSpan {
  traceId: string
  spanId: string
  traceState?: string
  parentSpanId?: string
  /** Bits 0-7: W3C trace flags. Bit 8: whether bit 9 is known. Bit 9: the parent is remote. */
  flags?: number
  name: string
  /** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind?: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes?: OtlpKeyValue[]
  droppedAttributesCount?: number
  events?: OtlpEvent[]
  droppedEventsCount?: number
  links?: OtlpLink[]
  droppedLinksCount?: number
  /** 0 unset, 1 ok, 2 error. */
  status?: { code?: number; message?: string }
}

export interface OtlpEvent {
  timeUnixNano: string
  name: string
  attributes?: OtlpKeyValue[]
  droppedAttributesCount?: number
}

export interface OtlpLink {
  traceId: string
  spanId: string
  traceState?: string
  attributes?: OtlpKeyValue[]
  droppedAttributesCount?: number
  flags?: number
}

export interface OtlpKeyValue {
  key: string
  value: OtlpAnyValue
}

/** At most one field is set; none means the empty value. */
export interface OtlpAnyValue {
  stringValue?: string
  boolValue?: boolean
  intValue?: string | number
  doubleValue?: number | "NaN" | "Infinity" | "-Infinity"
  arrayValue?: { values?: OtlpAnyValue[] }
  kvlistValue?: { values?: OtlpKeyValue[] }
  /** Base64. */
  bytesValue?: string
}

/** What the server answers: `partialSuccess` only when it has rejected spans or wants to warn. */
export interface ExportTraceServiceResponse {
  partialSuccess?: { rejectedSpans?: string | number; errorMessage?: string }
}

/** google.rpc.Status, the body of every 4xx and 5xx answer (OTLP specification, "Failures"). */
export interface OtlpStatus {
  code?: number
  message?: string
}

/** Integers outside ±2^53 arrive as bigint, bytes as Uint8Array, the empty value as null. Records have no prototype. */
export type ReceivedValue = string | number | boolean | bigint | null | Uint8Array | readonly ReceivedValue[] | ReceivedAttributes

/** Made without a prototype, so that a key such as `__proto__` is only a key. */
export interface ReceivedAttributes {
  readonly [key: string]: ReceivedValue
}

/** A span out of an OTLP request. Times are microseconds, exact to the quarter microsecond that a double holds. */
export interface ReceivedSpan {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  readonly parentSpanId: string | undefined
  /** `undefined` when the sender did not say. */
  readonly parentIsRemote: boolean | undefined
  /** The 8 bits of W3C trace-flags. */
  readonly traceFlags: number
  readonly traceState: string
  readonly name: string
  readonly kind: SpanKind
  readonly startUs: number
  readonly endUs: number
  /** Never negative. */
  readonly durationUs: number
  readonly status: { readonly code: "unset" | "ok" | "error"; readonly message: string }
  readonly attributes: ReceivedAttributes
  readonly events: readonly ReceivedEvent[]
  readonly links: readonly ReceivedLink[]
  readonly dropped: { readonly attributes: number; readonly events: number; readonly links: number }
  readonly resource: ReceivedAttributes
  readonly scope: ReceivedScope
}

export interface ReceivedEvent {
  readonly timeUs: number
  readonly name: string
  readonly attributes: ReceivedAttributes
}

export interface ReceivedLink {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly traceState: string
  readonly attributes: ReceivedAttributes
}

export interface ReceivedScope {
  readonly name: string
  readonly version: string
  readonly attributes: ReceivedAttributes
  /** Which version of the semantic conventions the spans follow. */
  readonly schemaUrl: string
}
