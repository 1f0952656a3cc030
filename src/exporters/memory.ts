import type { Exporter, SpanRecord } from "../core/contracts.ts"

/** Keeps finished spans in memory, for tests: `createTracer({ exporter })`, then `await tracer.flush()`. */
export class MemoryExporter implements Exporter {
  spans: SpanRecord[] = []

  export(spans: readonly SpanRecord[]): ReturnType<Exporter["export"]> {
    this.spans.push(...spans)
    return Promise.resolve({ delivered: spans.length, dropped: 0, kept: 0 })
  }
}
