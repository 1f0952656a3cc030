import type { Limits, SpanRecord } from "./contracts.ts"
import type { Span } from "./span.ts"

/** Where the spans of a trace go. */
export interface Sink {
  /** The invocation that the spans belong to. */
  readonly owner: string | undefined
  /** Takes the span in, or refuses it because there is no room. */
  started(span: Span): boolean
  finished(span: Span): void
  /** Takes what has finished. */
  take(): SpanRecord[]
  /** The same, and finishes what still runs. */
  close?(overflow: Sink): SpanRecord[]
}

/** So few are not measured: most invocations have no more, and the client waits meanwhile. */
const FEW = 16

/** The spans of one invocation, bounded in count and bytes. Nothing global: concurrent invocations have one each. */
export class Batch implements Sink {
  readonly owner: string | undefined
  readonly #limits: Limits
  readonly #open = new Set<Span>()
  #finished: Span[] = []
  /** Of the first so many of them. */
  #bytes = 0
  #measured = 0
  #overflow: Sink | undefined
  /** Spans refused for lack of room. */
  dropped = 0
  /** Told of each span when it has been started, and when it has been finished. */
  onChange: ((span: Span) => void) | undefined

  constructor(limits: Limits, owner?: string) {
    this.owner = owner
    this.#limits = limits
  }

  started(span: Span): boolean {
    if (this.#overflow !== undefined) return this.#overflow.started(span)
    // A span without a local parent explains all the others: there is always room for it.
    if (this.#isFull() && span.hasLocalParent) {
      this.dropped++
      return false
    }
    this.#open.add(span)
    this.onChange?.(span)
    return true
  }

  finished(span: Span): void {
    if (!this.#open.delete(span)) return this.#overflow?.finished(span)
    this.#finished.push(span)
    this.onChange?.(span)
  }

  #isFull(): boolean {
    const { length } = this.#finished
    if (this.#open.size + length >= this.#limits.spans) return true
    if (length < FEW) return false
    while (this.#measured < length) this.#bytes += estimateBytes(this.#finished[this.#measured++] as Span)
    return this.#bytes >= this.#limits.bytes
  }

  get hasFinished(): boolean {
    return this.#finished.length > 0
  }

  /** All that is here: what has finished, and what still runs. */
  get spans(): readonly Span[] {
    return [...this.#finished, ...this.#open]
  }

  take(): SpanRecord[] {
    const spans = this.#finished
    this.#finished = []
    this.#bytes = this.#measured = 0
    return spans
  }

  /**
   * Takes everything and closes the batch: spans that still run are finished and marked `antifreeze.unfinished`, because
   * the process may never run again. Spans that start later go to `overflow`.
   */
  close(overflow: Sink): SpanRecord[] {
    this.#overflow = overflow
    for (const span of this.#open) span.abandon()
    return this.take()
  }
}

/** Close enough to bound memory; not what the encoder will make of it. */
function estimateBytes(span: SpanRecord): number {
  let bytes = 300 + span.operationName.length
  // Not `for … of`, which makes an array of each entry.
  const add = (value: unknown, key: string) => {
    bytes += key.length + sizeOf(value)
  }
  span.tags.forEach(add)
  for (const log of span.logs) log.fields.forEach(add)
  return bytes + span.links.length * 150
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") return value.length
  return Array.isArray(value) ? value.reduce((sum: number, item) => sum + sizeOf(item), 0) : 8
}
