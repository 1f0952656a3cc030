import type { ReceivedSpan } from "../viewer/collector.ts"
import { renderWaterfall } from "../viewer/waterfall.ts"
import { warn } from "./_warn.ts"

/** A trace is complete when nothing of it has come for so long; once its root is there, little else is to be expected. */
const QUIET_MS = 300
const QUIET_WITH_ROOT_MS = 100
/** A trace that is never quiet is drawn as it grows. */
const PATIENCE_MS = 2_000

export interface Drawings {
  /** Spans that have just come: their traces are drawn once they have been quiet, again and whole when more of one comes later. */
  add(spans: readonly ReceivedSpan[]): void
  /** Draws at once what is still to be drawn. */
  flush(): void
}

/** Draws traces in the terminal; `received` gives all spans that are known. */
export function drawTraces(received: () => readonly ReceivedSpan[]): Drawings {
  const pending = new Map<string, { timer: NodeJS.Timeout; complete: boolean; sinceMs: number }>()
  return {
    add(spans) {
      for (const { traceId, parentSpanId } of spans) {
        const before = pending.get(traceId)
        const sinceMs = before?.sinceMs ?? performance.now()
        if (performance.now() - sinceMs > PATIENCE_MS) continue
        clearTimeout(before?.timer)
        const complete = before?.complete === true || parentSpanId === undefined
        pending.set(traceId, { sinceMs, complete, timer: setTimeout(fire, complete ? QUIET_WITH_ROOT_MS : QUIET_MS, traceId) })
      }
    },
    flush() {
      for (const [traceId, { timer }] of [...pending]) {
        clearTimeout(timer)
        fire(traceId)
      }
    },
  }

  function fire(traceId: string): void {
    pending.delete(traceId)
    const { isTTY, columns } = process.stdout
    const color = isTTY === true && !process.env["NO_COLOR"]
    const trace = received().filter((span) => span.traceId === traceId)
    process.stdout.write(`\n${renderWaterfall(trace, { width: Math.min(columns ?? 80, 160), color })}`)
  }
}

/** Says why requests are refused, once for each status: a program that sends the wrong thing sends it all the time. */
export function tellRefusals(): (status: number, message: string) => void {
  const told = new Set<number>()
  return (status, message) => {
    if (told.has(status)) return
    told.add(status)
    warn(`refused with ${status}: ${message}`)
  }
}

export function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve())
    process.once("SIGTERM", () => resolve())
  })
}
