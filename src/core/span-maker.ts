import type { Reference } from "opentracing"
import { Batch, type Sink } from "./batch.ts"
import { systemClock, TraceClock } from "./clock.ts"
import { isSpanContext, SpanContext } from "./context.ts"
import type { Clock, Exporter, IdSource, Limits, LinkRecord, Propagator } from "./contracts.ts"
import { FLAG_RANDOM, FLAG_SAMPLED, randomIds } from "./ids.ts"
import { DEFAULT_LIMITS } from "./limits.ts"
import type { BinaryFormat } from "./propagation/binary.ts"
import { extractContext, injectContext } from "./propagation/carrier.ts"
import { w3cPropagators } from "./propagation/w3c.ts"
import { createReport, type Report } from "./report.ts"
import { alwaysOn, type Sampler } from "./sampler.ts"
import type { ScopeManager } from "./scope.ts"
import { isTime, type Segment, Span } from "./span.ts"
import type { Tracer } from "./tracer.ts"
import { cut } from "./values.ts"

export interface TracerSetup {
  readonly scopeManager: ScopeManager
  readonly exporter?: Exporter | undefined
  readonly sampler?: Sampler | undefined
  readonly propagators?: readonly Propagator[] | undefined
  /** What else reads the context of a message that woke the function, where none of them finds one. */
  readonly messagePropagators?: readonly Propagator[]
  /** For carriers of OpenTracing's `FORMAT_BINARY`; without it they are text maps like the others. */
  readonly binary?: BinaryFormat
  readonly limits?: Partial<Limits> | undefined
  readonly clock?: Clock | undefined
  readonly ids?: IdSource | undefined
  readonly report?: Report | undefined
}

export interface StartOptions {
  /** The parent, a span or its context; without it the active span is the parent. */
  readonly childOf?: unknown
  /** The first reference is the parent (a `child_of` one before others), the rest become links. */
  readonly references?: readonly Reference[] | undefined
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
  /** Its own id (default: a new one). */
  readonly spanId?: string | undefined
}

/** OpenTracing's own; `text_map` and `http_headers` are treated alike. */
const FORMAT_BINARY = "binary"

/** What a tracer does, made when it is first asked to: the class that users see is a handle for it. */
export function createSpanMaker(setup: TracerSetup): SpanMaker {
  return new SpanMaker(setup)
}

export type { SpanMaker }

class SpanMaker {
  readonly scopeManager: ScopeManager
  readonly limits: Limits
  readonly report: Report
  readonly exporter: Exporter | undefined
  /** Spans outside any invocation. */
  readonly loose: Batch
  readonly #sampler: Sampler
  readonly #propagators: readonly Propagator[]
  readonly #messagePropagators: readonly Propagator[]
  readonly #binary: BinaryFormat | undefined
  readonly #clock: Clock
  readonly #ids: IdSource

  constructor(setup: TracerSetup) {
    this.scopeManager = setup.scopeManager
    this.limits = { ...DEFAULT_LIMITS, ...setup.limits }
    this.report = setup.report ?? createReport()
    this.exporter = setup.exporter
    this.loose = new Batch(this.limits)
    this.#sampler = setup.sampler ?? alwaysOn
    this.#propagators = setup.propagators ?? w3cPropagators
    this.#messagePropagators = [...this.#propagators, ...(setup.messagePropagators ?? [])]
    this.#binary = setup.binary
    this.#clock = setup.clock ?? systemClock
    this.#ids = setup.ids ?? randomIds
  }

  /** See `Tracer.startSpan`. */
  start(tracer: Tracer, name: string, options: StartOptions): Span {
    const { limits } = this
    const { parent, links } = this.#causes(options)
    const local = parent?.segment
    const segment = local ?? this.#startSegment(options.sink)
    const span = new Span({
      tracer,
      context: this.#contextFor(parent, segment, options),
      segment,
      limits,
      operationName: cut(String(name), limits.valueLength),
      parent,
      links: links.length > limits.links ? links.slice(0, limits.links) : links,
      droppedLinks: Math.max(0, links.length - limits.links),
      startUs: isTime(options.startTime)
        ? Math.round(options.startTime * 1000)
        : local === undefined
          ? segment.clock.startUs
          : segment.clock.nowUs(),
    })
    if (options.tags !== undefined) span.addTags(options.tags as Record<string, unknown>)
    return span
  }

  inject(context: unknown, carrier: unknown, format?: string): void {
    if (isSpanContext(context)) injectContext(this.#propagators, context, carrier, this.#binaryFor(format))
  }

  extract(carrier: unknown, format?: string): SpanContext | undefined {
    return this.#read(this.#propagators, carrier, format)
  }

  /** What our propagators find in a message, else those of the platform. */
  extractMessage(carrier: unknown): SpanContext | undefined {
    return this.#read(this.#messagePropagators, carrier)
  }

  /** Where the caller has left the decision to sample to us, it is the one that a new trace of this id would get. */
  #read(propagators: readonly Propagator[], carrier: unknown, format?: string): SpanContext | undefined {
    const found = extractContext(propagators, carrier, this.#binaryFor(format), (traceId) => (this.#sampler(traceId) ? FLAG_SAMPLED : 0))
    return found && new SpanContext(found)
  }

  #binaryFor(format: string | undefined): BinaryFormat | undefined {
    return format === FORMAT_BINARY ? this.#binary : undefined
  }

  get #active(): Span | undefined {
    return this.scopeManager.active?.span
  }

  #startSegment(sink: Sink | undefined): Segment {
    return { clock: new TraceClock(this.#clock), sink: sink ?? this.#active?.context().segment?.sink ?? this.loose }
  }

  /** OpenTracing specification, "References between Spans": one parent, and what else led here. */
  #causes({ childOf, references, links = NO_LINKS, ignoreActiveSpan }: StartOptions): Causes {
    let parent = contextOf(childOf)
    if (references !== undefined && references.length > 0) {
      const found = byReferences(parent, references)
      parent = found.parent
      links = [...found.links, ...links]
    }
    if (parent === undefined && ignoreActiveSpan !== true) parent = this.#active?.context()
    return { parent, links }
  }

  #contextFor(parent: SpanContext | undefined, segment: Segment, given: StartOptions): SpanContext {
    const spanId = given.spanId ?? this.#ids.spanId()
    if (parent !== undefined) {
      const { traceId, traceFlags, traceState, baggage } = parent
      return new SpanContext({ traceId, spanId, traceFlags, traceState, baggage }, segment)
    }
    const traceId = given.traceId ?? this.#ids.traceId()
    const traceFlags = FLAG_RANDOM | (this.#sampler(traceId) ? FLAG_SAMPLED : 0)
    return new SpanContext({ traceId, spanId, traceFlags }, segment)
  }
}

interface Causes {
  readonly parent: SpanContext | undefined
  readonly links: readonly LinkRecord[]
}

const NO_TAGS = new Map<string, never>()
const NO_LINKS: readonly LinkRecord[] = []

function byReferences(childOf: SpanContext | undefined, references: readonly Reference[]): Causes {
  const others: SpanContext[] = []
  let parent = childOf
  let parentIsChildOf = parent !== undefined
  for (const reference of references) {
    const context = contextOf(reference?.referencedContext())
    if (context === undefined) continue
    const isChildOf = reference.type() === "child_of"
    if (parent === undefined || (isChildOf && !parentIsChildOf)) {
      if (parent !== undefined) others.unshift(parent)
      parent = context
      parentIsChildOf = isChildOf
    } else others.push(context)
  }
  return { parent, links: others.map(linkTo) }
}

function linkTo({ traceId, spanId, traceFlags, traceState }: SpanContext): LinkRecord {
  return { traceId, spanId, traceFlags, traceState, tags: NO_TAGS }
}

function contextOf(spanOrContext: unknown): SpanContext | undefined {
  if (spanOrContext === null || typeof spanOrContext !== "object") return undefined
  const { context } = spanOrContext as { context?: unknown }
  const found: unknown = typeof context === "function" ? context.call(spanOrContext) : spanOrContext
  return isSpanContext(found) ? found : undefined
}
