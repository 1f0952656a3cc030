import { SpanContext as OpenTracingSpanContext } from "opentracing/lib/span_context.js"
import type { Propagated } from "./contracts.ts"
import { FLAG_SAMPLED } from "./ids.ts"
import type { Segment } from "./span.ts"

const NO_BAGGAGE: ReadonlyMap<string, string> = new Map()

/** The part of a span that outlives it and crosses process boundaries (OpenTracing specification, "SpanContext"). Immutable. */
export class SpanContext extends OpenTracingSpanContext implements Propagated {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  /** W3C trace-flags. */
  readonly traceFlags: number
  /** W3C tracestate; empty when there is none. */
  readonly traceState: string
  readonly baggage: ReadonlyMap<string, string>
  /** What this context shares with the other spans of its trace in this process; `undefined` when it came from outside. */
  readonly segment: Segment | undefined

  constructor(from: Partial<Propagated> & { traceId: string; spanId: string }, segment?: Segment) {
    super()
    this.traceId = from.traceId
    this.spanId = from.spanId
    this.traceFlags = from.traceFlags ?? FLAG_SAMPLED
    this.traceState = from.traceState ?? ""
    this.baggage = from.baggage ?? NO_BAGGAGE
    this.segment = segment
  }

  get sampled(): boolean {
    return (this.traceFlags & FLAG_SAMPLED) !== 0
  }

  override toTraceId(): string {
    return this.traceId
  }

  override toSpanId(): string {
    return this.spanId
  }
}

/** Any span context of ours, also one made by another copy of this package in the same process. */
export function isSpanContext(value: unknown): value is SpanContext {
  if (value === null || typeof value !== "object") return false
  const { traceId, spanId } = value as Partial<SpanContext>
  return typeof traceId === "string" && typeof spanId === "string" && traceId.length === 32 && spanId.length === 16
}
