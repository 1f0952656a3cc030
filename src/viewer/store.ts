import type { IncomingHttpHeaders } from "node:http"
import type { ReceivedSpan } from "../otlp/types.ts"

/** One request that was taken in. */
export interface Batch {
  /** Milliseconds since the Unix epoch, with decimals: when the last byte of the body had arrived. */
  readonly receivedAtMs: number
  readonly spans: readonly ReceivedSpan[]
  /** Length of the body as it came over the wire. */
  readonly bytes: number
  readonly headers: IncomingHttpHeaders
}

/** How many spans are wanted, or what must hold for all that are there. */
export type Wanted = number | ((spans: readonly ReceivedSpan[]) => boolean)

/** The newest spans, and those who wait for more. */
export interface Store {
  /** Live: grows with every batch. */
  readonly spans: readonly ReceivedSpan[]
  readonly batches: readonly Batch[]
  add(batch: Batch): void
  /** Resolves with a copy of all spans once there are enough; rejects after `timeoutMs` (5,000), naming what came. */
  waitForSpans(wanted: Wanted, timeoutMs?: number): Promise<readonly ReceivedSpan[]>
  clear(): void
  close(): void
}

interface Waiter {
  readonly enough: (spans: readonly ReceivedSpan[]) => boolean
  readonly settle: (error?: Error) => void
}

export function createStore(maxSpans: number): Store {
  const spans: ReceivedSpan[] = []
  const batches: Batch[] = []
  const waiters = new Set<Waiter>()

  return {
    spans,
    batches,
    add(batch) {
      for (const span of batch.spans) keepNewest(spans, span)
      spans.splice(0, spans.length - maxSpans)
      batches.push(batch)
      dropOldest(batches, maxSpans)
      for (const waiter of [...waiters]) if (waiter.enough(spans)) waiter.settle()
    },
    waitForSpans(wanted, timeoutMs = 5_000) {
      const enough = typeof wanted === "number" ? () => spans.length >= wanted : wanted
      return new Promise((resolve, reject) => {
        if (enough(spans)) return resolve([...spans])
        const what = typeof wanted === "number" ? `${wanted} spans` : "the spans it was asked for"
        const timer = setTimeout(() => waiter.settle(missing(`the collector waited ${timeoutMs} ms for ${what}`)), timeoutMs)
        const waiter: Waiter = {
          enough,
          settle(error) {
            clearTimeout(timer)
            waiters.delete(waiter)
            if (error) reject(error)
            else resolve([...spans])
          },
        }
        waiters.add(waiter)
      })
    },
    clear() {
      spans.length = 0
      batches.length = 0
    },
    close() {
      for (const waiter of [...waiters]) waiter.settle(missing("the collector was closed while a test waited for spans"))
    },
  }

  function missing(what: string): Error {
    const names = spans.slice(-10).map((span) => JSON.stringify(span.name))
    return new Error(`[antifreeze] ${what}; it has ${spans.length}${names.length > 0 ? `: ${names.join(", ")}` : ""}.`)
  }
}

/** A span that was sent while it ran is sent again when it has ended, under the same id: the highest `antifreeze.revision` stays. */
function keepNewest(spans: ReceivedSpan[], span: ReceivedSpan): void {
  const revision = Number(span.attributes["antifreeze.revision"] ?? 0)
  const known = revision > 0 ? spans.findIndex(({ spanId, traceId }) => spanId === span.spanId && traceId === span.traceId) : -1
  if (known < 0) spans.push(span)
  else if (Number(spans[known]?.attributes["antifreeze.revision"] ?? 0) < revision) spans[known] = span
}

/** Batches hold spans too, so the same number bounds both how many there are and their spans; the newest stays whole. */
function dropOldest(batches: Batch[], maxSpans: number): void {
  let held = 0
  let keepFrom = batches.length
  while (keepFrom > 0 && batches.length - keepFrom < maxSpans) {
    held += batches[keepFrom - 1]!.spans.length
    if (held > maxSpans && keepFrom < batches.length) break
    keepFrom--
  }
  batches.splice(0, keepFrom)
}
