import type { Reference } from "opentracing"
import type { SpanContext as OpenTracingSpanContext } from "opentracing/lib/span_context.js"
import { Tracer as OpenTracingTracer } from "opentracing/lib/tracer.js"
import { Batch, type Sink } from "./batch.ts"
import { startTraceClock, systemClock } from "./clock.ts"
import { isSpanContext, SpanContext } from "./context.ts"
import type { Clock, Exporter, IdSource, Limits, LinkRecord, Propagator } from "./contracts.ts"
import { FLAG_RANDOM, FLAG_SAMPLED, randomIds } from "./ids.ts"
import { observe } from "./observe.ts"
import { extractContext, injectContext } from "./propagation/carrier.ts"
import { w3cPropagators } from "./propagation/w3c.ts"
import { awsMessagePropagator } from "./propagation/xray.ts"
import { createReport, type Report } from "./report.ts"
import { alwaysOn, type Sampler } from "./sampler.ts"
import type { ScopeManager } from "./scope.ts"
import { isTime, type Segment, Span } from "./span.ts"
import { cut } from "./values.ts"

export const DEFAULT_LIMITS: Limits = { tags: 128, valueLength: 12_000, logs: 128, links: 128, spans: 2048, bytes: 4 * 1024 * 1024 }

export interface TracerSetup {
  readonly scopeManager: ScopeManager
  readonly exporter?: Exporter | undefined
  readonly sampler?: Sampler | undefined
  readonly propagators?: readonly Propagator[] | undefined
  readonly limits?: Partial<Limits> | undefined
  readonly clock?: Clock | undefined
  readonly ids?: IdSource | undefined
  readonly report?: Report | undefined
}

export interface StartOptions {
  /** The parent, a span or its context; without it the active span is the parent. */
  readonly childOf?: unknown
  /** The first reference is the parent (a `child_of` one before others), the rest become links. */
  readonly references?: readonly Reference[]
  readonly tags?: Readonly<Record<string, unknown>>
  /** Milliseconds since the Unix epoch, with decimals; default: now. */
  readonly startTime?: number
  /** Start a new trace although a span is active (default: false). */
  readonly ignoreActiveSpan?: boolean
  /** Where the spans of a new trace go; default: to the invocation that is under way, else to the tracer's own batch. */
  readonly sink?: Sink
  /** What else led here, and is no parent. */
  readonly links?: readonly LinkRecord[]
  /** The trace of a span that has no parent (default: a new one). */
  readonly traceId?: string | undefined
}

export interface ActiveOptions extends Omit<StartOptions, "sink"> {
  /** Finish the span when `fn` returns or its promise settles (default: true). */
  readonly finishOnClose?: boolean
}

/** Starts spans and carries their context in and out of the process (OpenTracing specification, "Tracer"). */
export class Tracer extends OpenTracingTracer {
  readonly #setup: () => TracerSetup
  #made: Made | undefined

  /** @param setup its parts, or what makes them at the first use: a tracer that nobody uses costs nothing. */
  constructor(setup: TracerSetup | (() => TracerSetup)) {
    super()
    this.#setup = typeof setup === "function" ? setup : () => setup
  }

  /** Makes its parts now, instead of at the first use. */
  prepare(): void {
    void this.#parts
  }

  get #parts(): Made {
    return (this.#made ??= make(this.#setup()))
  }

  get scopeManager(): ScopeManager {
    return this.#parts.scopeManager
  }

  get limits(): Limits {
    return this.#parts.limits
  }

  get report(): Report {
    return this.#parts.report
  }

  get exporter(): Exporter | undefined {
    return this.#parts.exporter
  }

  /** Spans outside any invocation; they go out with the next delivery. */
  get loose(): Batch {
    return this.#parts.loose
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
    const active = this.activeSpan
    const { parent, others: references } = this.#referencesOf(options, active)
    const others = options.links === undefined ? references : [...references, ...options.links]
    const local = parent?.segment ?? undefined
    const segment: Segment = local ?? {
      clock: startTraceClock(this.#parts.clock),
      sink: options.sink ?? active?.context().segment?.sink ?? this.loose,
    }
    const span = new Span({
      tracer: this,
      context: this.#contextFor(parent, segment, options.traceId),
      segment,
      limits: this.limits,
      operationName: cut(String(name), this.limits.valueLength),
      parent,
      links: others.slice(0, this.limits.links),
      droppedLinks: Math.max(0, others.length - this.limits.links),
      startUs: isTime(options.startTime) ? Math.round(options.startTime * 1000) : segment.clock(),
    })
    if (options.tags !== undefined) span.addTags(options.tags as Record<string, unknown>)
    return span
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
    injectContext(this.#parts.propagators, span.context(), headers)
    return headers
  }

  /** Delivers what has finished so far, within the exporter's bound; never rejects. */
  async flush(): Promise<void> {
    const spans = [...this.loose.take(), ...(this.activeSpan?.context().segment?.sink.take() ?? [])]
    await this.scopeManager.exclude(() => this.exporter?.export(spans))
  }

  protected override _inject(context: OpenTracingSpanContext, format: string, carrier: unknown): void {
    if (isSpanContext(context)) injectContext(this.#parts.propagators, context, carrier, format)
  }

  protected override _extract(format: string, carrier: unknown): SpanContext | null {
    return this.#read(this.#parts.propagators, carrier, format) ?? null
  }

  /** The context in a carrier of AWS: what our propagators find, else the `AWSTraceHeader` that AWS itself hands on. */
  contextIn(carrier: unknown): SpanContext | undefined {
    return this.#read(this.#parts.propagators, carrier) ?? this.#read([awsMessagePropagator], carrier)
  }

  /** Where the caller has left the decision to sample to us, it is the one that a new trace of this id would get. */
  #read(propagators: readonly Propagator[], carrier: unknown, format?: string): SpanContext | undefined {
    const found = extractContext(propagators, carrier, format, (traceId) => (this.#parts.sampler(traceId) ? FLAG_SAMPLED : 0))
    return found && new SpanContext(found)
  }

  /** OpenTracing specification, "References between Spans": one parent, and what else led here. */
  #referencesOf(options: StartOptions, active: Span | null): { parent: SpanContext | undefined; others: LinkRecord[] } {
    const others: SpanContext[] = []
    let parent = contextOf(options.childOf)
    let parentIsChildOf = parent !== undefined
    for (const reference of options.references ?? []) {
      const context = contextOf(reference?.referencedContext())
      if (context === undefined) continue
      const isChildOf = reference.type() === "child_of"
      if (parent === undefined || (isChildOf && !parentIsChildOf)) {
        if (parent !== undefined) others.unshift(parent)
        parent = context
        parentIsChildOf = isChildOf
      } else others.push(context)
    }
    if (parent === undefined && options.ignoreActiveSpan !== true) parent = active?.context()
    return { parent, others: others.map(linkTo) }
  }

  #contextFor(parent: SpanContext | undefined, segment: Segment, givenTraceId: string | undefined): SpanContext {
    const spanId = this.#parts.ids.spanId()
    if (parent !== undefined) return new SpanContext({ ...parent, spanId }, segment)
    const traceId = givenTraceId ?? this.#parts.ids.traceId()
    const traceFlags = FLAG_RANDOM | (this.#parts.sampler(traceId) ? FLAG_SAMPLED : 0)
    return new SpanContext({ traceId, spanId, traceFlags }, segment)
  }
}

interface Made {
  readonly scopeManager: ScopeManager
  readonly limits: Limits
  readonly report: Report
  readonly exporter: Exporter | undefined
  readonly sampler: Sampler
  readonly propagators: readonly Propagator[]
  readonly clock: Clock
  readonly ids: IdSource
  readonly loose: Batch
}

function make(setup: TracerSetup): Made {
  const limits = { ...DEFAULT_LIMITS, ...setup.limits }
  return {
    scopeManager: setup.scopeManager,
    limits,
    report: setup.report ?? createReport(),
    exporter: setup.exporter,
    sampler: setup.sampler ?? alwaysOn,
    propagators: setup.propagators ?? w3cPropagators,
    clock: setup.clock ?? systemClock,
    ids: setup.ids ?? randomIds,
    loose: new Batch(limits),
  }
}

const NO_TAGS = new Map<string, never>()

function linkTo({ traceId, spanId, traceFlags, traceState }: SpanContext): LinkRecord {
  return { traceId, spanId, traceFlags, traceState, tags: NO_TAGS }
}

function contextOf(spanOrContext: unknown): SpanContext | undefined {
  if (spanOrContext === null || typeof spanOrContext !== "object") return undefined
  const { context } = spanOrContext as { context?: unknown }
  const found: unknown = typeof context === "function" ? context.call(spanOrContext) : spanOrContext
  return isSpanContext(found) ? found : undefined
}
