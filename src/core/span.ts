import { Span as OpenTracingSpan } from "opentracing/lib/span.js"
import type { Sink } from "./batch.ts"
import type { TraceClock } from "./clock.ts"
import { SpanContext } from "./context.ts"
import type { Limits, LinkRecord, LogRecord, SpanRecord, Tags, TagValue } from "./contracts.ts"
import { errorFacts } from "./errors.ts"
import { FLAG_SAMPLED } from "./ids.ts"
import type { Tracer } from "./tracer.ts"
import { cut, tagValue } from "./values.ts"

/** What the spans of one trace share within this process. */
export interface Segment {
  readonly clock: TraceClock
  readonly sink: Sink
}

export interface SpanStart {
  readonly tracer: Tracer
  readonly context: SpanContext
  readonly segment: Segment
  readonly limits: Limits
  readonly operationName: string
  readonly parent: SpanContext | undefined
  readonly links: readonly LinkRecord[]
  readonly droppedLinks: number
  readonly startUs: number
}

/** Tags that are the same whenever they are read, or what gives them. */
export type Described = Tags | (() => Tags)

const NO_LOGS: readonly LogRecord[] = []
const NOTHING: Described[] = []

/** A unit of work (OpenTracing specification, "Span"). Made by `tracer.startSpan`. After `finish()` it no longer changes. */
export class Span extends OpenTracingSpan implements SpanRecord {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly parentIsRemote: boolean
  readonly traceState: string
  readonly startUs: number
  readonly links: readonly LinkRecord[]
  readonly dropped: { tags: number; logs: number; links: number }
  operationName: string
  logs: readonly LogRecord[] = NO_LOGS
  durationUs: number | undefined = undefined
  readonly #tracer: Tracer
  readonly #segment: Segment
  readonly #limits: Limits
  readonly #recording: boolean
  readonly #tags: Map<string, TagValue> = new Map()
  /** Not looked at yet. */
  #described: Described[] = NOTHING
  #spanContext: SpanContext
  #end: (() => void) | undefined

  constructor(start: SpanStart) {
    super()
    const { context, parent } = start
    this.traceId = context.traceId
    this.spanId = context.spanId
    this.parentSpanId = parent?.spanId
    this.parentIsRemote = parent !== undefined && parent.segment === undefined
    this.traceState = context.traceState
    this.startUs = start.startUs
    this.links = start.links
    this.dropped = { tags: 0, logs: 0, links: start.droppedLinks }
    this.operationName = start.operationName
    this.#tracer = start.tracer
    this.#segment = start.segment
    this.#limits = start.limits
    this.#spanContext = context
    this.#recording = context.sampled && start.segment.sink.started(this)
  }

  get traceFlags(): number {
    return this.#spanContext.traceFlags
  }

  get hasLocalParent(): boolean {
    return this.parentSpanId !== undefined && !this.parentIsRemote
  }

  /** How long the span has lasted, in milliseconds: so far while it runs, final once it has finished. */
  get duration(): number {
    return (this.durationUs ?? Math.max(0, this.#segment.clock.nowUs() - this.startUs)) / 1000
  }

  /** Whether the work failed: the tag `error` is set and not false. */
  get erroneous(): boolean {
    const error = this.tags.get("error")
    return error !== undefined && error !== false && error !== "false"
  }

  get tags(): Map<string, TagValue> {
    if (this.#described !== NOTHING) this.#takeDescribed()
    return this.#tags
  }

  getTag(key: string): TagValue | undefined {
    return this.tags.get(key)
  }

  /**
   * Adds tags that are taken in when somebody asks for the first: mostly the encoder, when the response is out. They must not
   * change meanwhile. What throws tags the span `instrumentation_error`.
   */
  describe(tags: Described): void {
    if (!this.#writable) return
    if (this.#described === NOTHING) this.#described = [tags]
    else this.#described.push(tags)
  }

  /** Marks the span as failed with anything that was thrown: tags `error`, `error.kind`, `error.message`, and a log with the stack. */
  fail(error: unknown): this {
    const { kind, message, stack } = errorFacts(error)
    this.addTags({ error: true, "error.kind": kind, "error.message": message })
    return this.log({ event: "error", "error.kind": kind, message, stack }) as this
  }

  /** Finishes the span because nobody else will any more, and says so. */
  abandon(): void {
    this.#end?.()
    if (this.durationUs !== undefined) return
    this._addTags({ "antifreeze.unfinished": true })
    this._finish()
  }

  /** How the span is finished in place of being abandoned: its work seems to be over. */
  endsBy(end: () => void): void {
    this.#end = end
  }

  override context(): SpanContext {
    return this.#spanContext
  }

  override tracer(): Tracer {
    return this.#tracer
  }

  protected override _setOperationName(name: string): void {
    if (this.#writable) this.operationName = cut(String(name), this.#limits.valueLength)
  }

  protected override _addTags(tags: Record<string, unknown>): void {
    if (!this.#writable || tags === null || typeof tags !== "object") return
    this.#takeDescribed()
    this.#takeTags(tags)
  }

  protected override _log(fields: Record<string, unknown>, timestampMs?: number): void {
    if (!this.#writable || fields === null || typeof fields !== "object") return
    if (this.logs.length >= this.#limits.logs) {
      this.dropped.logs++
      return
    }
    const kept = new Map<string, TagValue>()
    for (const key of Object.keys(fields)) {
      const value = readProperty(fields, key)
      if (key === "error.object") {
        const { kind, message, stack } = errorFacts(value)
        this.#keep(kept, "error.kind", fields["error.kind"] ?? kind)
        this.#keep(kept, "message", fields["message"] ?? message)
        this.#keep(kept, "stack", fields["stack"] ?? stack)
      } else this.#keep(kept, key, value)
    }
    const log = { timeUs: isTime(timestampMs) ? Math.round(timestampMs * 1000) : this.#segment.clock.nowUs(), fields: kept }
    if (this.logs === NO_LOGS) this.logs = [log]
    else (this.logs as LogRecord[]).push(log)
  }

  protected override _setBaggageItem(key: string, value: string): void {
    const baggage = new Map(this.#spanContext.baggage).set(String(key), String(value))
    this.#spanContext = new SpanContext({ ...this.#spanContext, baggage }, this.#segment)
  }

  protected override _getBaggageItem(key: string): string | undefined {
    return this.#spanContext.baggage.get(key)
  }

  protected override _finish(finishTimeMs?: number): void {
    if (this.durationUs !== undefined) return
    const endUs = isTime(finishTimeMs) ? Math.round(finishTimeMs * 1000) : this.#segment.clock.nowUs()
    this.durationUs = Math.max(0, endUs - this.startUs)
    if (this.#recording) this.#segment.sink.finished(this)
  }

  get #writable(): boolean {
    return this.#recording && this.durationUs === undefined
  }

  #takeDescribed(): void {
    const described = this.#described
    this.#described = NOTHING
    for (const each of described) {
      try {
        this.#takeTags(typeof each === "function" ? each() : each)
      } catch {
        this.#setTag("instrumentation_error", true)
      }
    }
  }

  #takeTags(tags: Tags): void {
    for (const key of Object.keys(tags)) {
      const value = readProperty(tags, key)
      // Conventions have many attributes, and most calls know few of them.
      if (value !== undefined) this.#setTag(key, value)
    }
  }

  #setTag(key: string, value: unknown): void {
    if (key === "error" && value !== null && typeof value === "object") {
      this.fail(value)
      return
    }
    if (key === "sampling.priority") this.#setPriority(Number(value))
    if (this.#tags.size >= this.#limits.tags && !this.#tags.has(key)) {
      this.dropped.tags++
      return
    }
    this.#keep(this.#tags, key, value)
  }

  #keep(into: Map<string, TagValue>, key: string, value: unknown): void {
    const kept = tagValue(value, this.#limits.valueLength)
    if (kept !== undefined) into.set(key, kept)
  }

  /** OpenTracing data conventions, "sampling.priority": 0 asks that what follows is not sampled, more that it is. */
  #setPriority(priority: number): void {
    const flags = this.#spanContext.traceFlags & ~FLAG_SAMPLED
    const traceFlags = priority > 0 ? flags | FLAG_SAMPLED : flags
    this.#spanContext = new SpanContext({ ...this.#spanContext, traceFlags }, this.#segment)
  }
}

function readProperty(from: Readonly<Record<string, unknown>>, key: string): unknown {
  try {
    return from[key]
  } catch {
    return "[unreadable]"
  }
}

/** OpenTracing gives times in milliseconds since the Unix epoch, with decimals. */
export function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0
}
