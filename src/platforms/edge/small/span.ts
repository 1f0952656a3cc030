import type { Propagated, SpanKind, SpanRecord, TagValue } from "../../../core/contracts.ts"
import { randomIds } from "../../../core/ids.ts"
import { isWorkerd } from "../runtime.ts"

/** A span as it is sent, while it is being made. */
export interface SmallSpan extends SpanRecord {
  readonly tags: Map<string, TagValue>
  readonly baggage: ReadonlyMap<string, string>
  durationUs: number | undefined
}

const NOTHING: readonly never[] = []
const NONE_DROPPED = { tags: 0, logs: 0, links: 0 }

let started = 0

export function startSpan(
  operationName: string,
  kind: SpanKind,
  tags: Readonly<Record<string, unknown>>,
  parent: Partial<Propagated> | undefined,
  isRemote: boolean,
): SmallSpan {
  const span: SmallSpan = {
    traceId: parent?.traceId ?? randomIds.traceId(),
    spanId: randomIds.spanId(),
    parentSpanId: parent?.spanId,
    parentIsRemote: isRemote,
    // W3C Trace Context Level 2: our own trace ids are random.
    traceFlags: parent?.traceFlags ?? 3,
    traceState: parent?.traceState ?? "",
    baggage: parent?.baggage ?? new Map(),
    operationName,
    startUs: Date.now() * 1000,
    durationUs: undefined,
    tags: new Map<string, TagValue>([["span.kind", kind]]),
    logs: NOTHING,
    links: NOTHING,
    dropped: NONE_DROPPED,
  }
  addTags(span, tags)
  if (isWorkerd) span.tags.set("antifreeze.order", ++started)
  return span
}

export function addTags(span: SmallSpan, tags: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(tags)) if (tags[key] !== undefined) span.tags.set(key, tags[key] as TagValue)
}

export function fail(span: SmallSpan, error: unknown): void {
  const { name, message, stack } = (error ?? {}) as Partial<Error>
  addTags(span, { error: true, "error.kind": name ?? typeof error, "error.message": message ?? String(error), "error.stack": stack })
}

export function finish(span: SmallSpan): void {
  span.durationUs = Math.max(0, Date.now() * 1000 - span.startUs)
  // Zero means "not known" there: the clock moves with I/O only.
  if (isWorkerd && span.durationUs === 0) span.tags.set("antifreeze.clock", "frozen")
}
