import { AsyncLocalStorage } from "node:async_hooks"
import { vi } from "vitest"
import { Batch } from "../../src/core/batch.ts"
import type { Integration, SpanRecord } from "../../src/core/contracts.ts"
import { createReport } from "../../src/core/report.ts"
import { ScopeManager } from "../../src/core/scope.ts"
import type { Span } from "../../src/core/span.ts"
import { traceFor } from "../../src/core/trace.ts"
import { Tracer } from "../../src/core/tracer.ts"
import { MemoryExporter } from "../../src/exporters/memory.ts"

type Watch<Call, Result> = Integration<Call, Result> & {
  watch(trace: Parameters<Integration<Call, Result>["watch"]>[0], report: (mistake: unknown) => void): () => void
}

/** A real tracer behind one or more integrations, and what they recorded. */
export class Recording {
  readonly mistakes: unknown[] = []
  readonly tracer: Tracer
  readonly #exporter = new MemoryExporter()
  readonly #undos: (() => void)[] = []

  constructor() {
    const report = createReport((line) => this.mistakes.push(line))
    this.tracer = new Tracer({ scopeManager: new ScopeManager(new AsyncLocalStorage()), exporter: this.#exporter, report })
  }

  watch<Call, Result>(integration: Watch<Call, Result>): this {
    const trace = traceFor(this.tracer.scopeManager, integration, this.tracer.report)
    this.#undos.push(integration.watch(trace, (mistake) => this.mistakes.push(mistake)))
    return this
  }

  unwatch(): void {
    for (const undo of this.#undos.splice(0)) undo()
  }

  /** Runs `fn` under a span of its own, and waits for `count` finished children of it. */
  async children<T>(
    fn: (parent: Span) => T | Promise<T>,
    count = 1,
  ): Promise<{ parent: Span; spans: SpanRecord[]; value: T | undefined; thrown: unknown }> {
    const parent = this.tracer.startSpan("parent")
    let value: T | undefined
    let thrown: unknown
    try {
      value = await this.tracer.scopeManager.run(parent, () => fn(parent))
    } catch (error) {
      thrown = error
    }
    const spans = await this.until(() => this.#exporter.spans.filter((span) => span.parentSpanId === parent.spanId), count)
    parent.finish()
    return { parent, spans, value, thrown }
  }

  /** Ends the recording as an invocation ends: what is still open is finished and marked. */
  close(): SpanRecord[] {
    this.unwatch()
    return this.tracer.loose.close(new Batch(this.tracer.limits)).filter(({ operationName }) => operationName !== "parent")
  }

  /** Every span that has finished, without those of `children`'s parents. */
  async finished(): Promise<SpanRecord[]> {
    await this.tracer.flush()
    return this.#exporter.spans.filter(({ operationName }) => operationName !== "parent")
  }

  /** Waits until there are `count`, and a little longer, so that one too many is seen as well. */
  async until(select: () => SpanRecord[], count: number): Promise<SpanRecord[]> {
    await vi.waitFor(
      async () => {
        await this.tracer.flush()
        if (select().length < count) throw new Error(`only ${select().length} of ${count} spans`)
      },
      { timeout: 3000, interval: 5 },
    )
    await new Promise((resolve) => setTimeout(resolve, 10))
    await this.tracer.flush()
    return select()
  }
}

export function tagsOf(span: SpanRecord | undefined): Record<string, unknown> {
  return Object.fromEntries(span?.tags ?? [])
}

/** The traceparent that a callee of this span must have received. */
export function traceparentOf(span: SpanRecord | undefined): string {
  return `00-${span?.traceId}-${span?.spanId}-${span?.traceFlags.toString(16).padStart(2, "0")}`
}
