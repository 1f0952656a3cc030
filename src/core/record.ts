import type { SpanRecord } from "./contracts.ts"

/** A span as it stands, with some of its facts replaced. */
export function recordOf(span: SpanRecord, changes: Partial<SpanRecord>): SpanRecord {
  const { traceId, spanId, parentSpanId, parentIsRemote, traceFlags, traceState } = span
  const { operationName, startUs, durationUs, tags, logs, links, dropped } = span
  return {
    traceId,
    spanId,
    parentSpanId,
    parentIsRemote,
    traceFlags,
    traceState,
    operationName,
    startUs,
    durationUs,
    tags,
    logs,
    links,
    dropped,
    ...changes,
  }
}
