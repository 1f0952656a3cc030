import type { SpanRecord, TagValue } from "../../src/core/contracts.ts"
import { decodeTraces } from "../../src/otlp/decode.ts"
import { encodeTraces } from "../../src/otlp/encode.ts"
import type { ReceivedSpan } from "../../src/otlp/types.ts"

export const TRACE_ID = "5b8efff798038103d269b633813fc60c"
export const START_US: number = Date.UTC(2026, 0, 2, 3, 4, 5, 678) * 1000

/** A finished internal span of 1 ms; every field can be set otherwise. */
export function record(fields: Partial<SpanRecord> & { readonly spanId: string }): SpanRecord {
  return {
    traceId: TRACE_ID,
    parentSpanId: undefined,
    parentIsRemote: false,
    traceFlags: 1,
    traceState: "",
    operationName: "work",
    startUs: START_US,
    durationUs: 1000,
    tags: new Map(),
    logs: [],
    links: [],
    dropped: { tags: 0, logs: 0, links: 0 },
    ...fields,
  }
}

export interface Draft {
  readonly id: number
  readonly parent?: number
  readonly name?: string
  readonly atMs?: number
  readonly forMs?: number
  readonly tags?: Readonly<Record<string, TagValue>>
  readonly service?: string
  readonly more?: Partial<SpanRecord>
}

/** Spans as a receiver has them, by way of our own encoder. Numbers stand for span ids. */
export function received(...drafts: readonly Draft[]): ReceivedSpan[] {
  return drafts.flatMap(({ id, parent, name = `span ${id}`, atMs = 0, forMs = 1, tags = {}, service = "orders-api", more }) => {
    const span = record({
      spanId: spanId(id),
      parentSpanId: parent === undefined ? undefined : spanId(parent),
      operationName: name,
      startUs: START_US + atMs * 1000,
      durationUs: forMs * 1000,
      tags: new Map(Object.entries(tags)),
      ...more,
    })
    return decodeTraces(encodeTraces([span], new Map([["service.name", service]]), { name: "antifreeze", version: "0" }))
  })
}

export function spanId(id: number): string {
  return id.toString(16).padStart(16, "0")
}
