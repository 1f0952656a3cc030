import type { SpanContext as OpenTracingSpanContext } from "opentracing/lib/span_context.js"
import { Tracer as OpenTracingTracer } from "opentracing/lib/tracer.js"
import type { Batch } from "./batch.ts"
import type { SpanContext } from "./context.ts"
import type { Exporter, Limits } from "./contracts.ts"
import { observe } from "./observe.ts"
import type { Report } from "./report.ts"
import type { ScopeManager } from "./scope.ts"
import type { Span } from "./span.ts"
import { createSpanMaker, type SpanMaker, type StartOptions, type TracerSetup } from "./span-maker.ts"

export interface ActiveOptions extends Omit<StartOptions, "sink"> {
  /** Finish the span when `fn` returns or its promise settles (default: true). */
  readonly finishOnClose?: boolean
}

/**
 * Starts spans and carries their context in and out of the process (OpenTracing specification, "Tracer"). What does so is made
 * at the first use: a tracer that nobody uses costs nothing.
 */
export class Tracer extends OpenTracingTracer {
  readonly #setup: () => TracerSetup
  #made: SpanMaker | undefined

  /** @param setup its parts, or what makes them at the first use. */
  constructor(setup: TracerSetup | (() => TracerSetup)) {
    super()
    this.#setup = typeof setup === "function" ? setup : () => setup
  }

  /** Makes its parts now, instead of at the first use. */
  prepare(): void {
    void this.#maker
  }

  get #maker(): SpanMaker {
    return (this.#made ??= createSpanMaker(this.#setup()))
  }

  get scopeManager(): ScopeManager {
    return this.#maker.scopeManager
  }

  get limits(): Limits {
    return this.#maker.limits
  }

  get report(): Report {
    return this.#maker.report
  }

  get exporter(): Exporter | undefined {
    return this.#maker.exporter
  }

  /** Spans outside any invocation; they go out with the next delivery. */
  get loose(): Batch {
    return this.#maker.loose
  }

  /** Whether anything outside invocations is still to be delivered. A tracer that nobody has used has nothing. */
  get hasRemainder(): boolean {
    return this.#made !== undefined && (this.#made.loose.hasFinished || this.#made.exporter?.urgent?.pending === true)
  }

  /** The span of the active scope, or null. */
  get activeSpan(): Span | null {
    return this.scopeManager.active?.span ?? null
  }

  override startSpan(name: string, options: StartOptions = {}): Span {
    return this.#maker.start(this, name, options)
  }

  /**
   * Runs `fn(span)` with a new span active, and returns what it returns. The span is finished when `fn` returns or its
   * promise settles; what it throws is tagged and thrown on.
   */
  startActiveSpan<T>(name: string, fn: (span: Span) => T): T
  startActiveSpan<T>(name: string, options: ActiveOptions, fn: (span: Span) => T): T
  startActiveSpan<T>(name: string, options: ActiveOptions | ((span: Span) => T), last?: (span: Span) => T): T {
    const fn = typeof options === "function" ? options : (last as (span: Span) => T)
    const { finishOnClose = true, ...start } = typeof options === "function" ? {} : options
    const span = this.startSpan(name, start)
    const close = () => {
      if (finishOnClose) span.finish()
      return undefined
    }
    const threw = (error: unknown) => {
      span.fail(error)
      return close()
    }
    return this.scopeManager.run(span, () => observe(() => fn(span), { returned: close, threw }))
  }

  /** The headers that carry this span's context to a callee. */
  headersOf(span: Span): Record<string, string> {
    const headers: Record<string, string> = {}
    this.#maker.inject(span.context(), headers)
    return headers
  }

  /** Delivers what has finished so far, within the exporter's bound; never rejects. */
  async flush(): Promise<void> {
    const spans = [...this.loose.take(), ...(this.activeSpan?.context().segment?.sink.take() ?? [])]
    await this.scopeManager.exclude(() => this.exporter?.export(spans))
  }

  protected override _inject(context: OpenTracingSpanContext, format: string, carrier: unknown): void {
    this.#maker.inject(context, carrier, format)
  }

  protected override _extract(format: string, carrier: unknown): SpanContext | null {
    return this.#maker.extract(carrier, format) ?? null
  }

  /** The context in a message: what our propagators find, else those of the platform. */
  contextIn(carrier: unknown): SpanContext | undefined {
    return this.#maker.extractMessage(carrier)
  }
}
