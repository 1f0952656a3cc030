import type { Span } from "../../core/span.ts"
import { uptimeMs } from "../node/uptime.ts"

let isWanted: boolean | undefined
let lastAfterMs: number | undefined

/**
 * With `ANTIFREEZE_SELF_REPORT=true` each root span tells what antifreeze itself has cost: `antifreeze.before_ms`, until the
 * handler was called, and `antifreeze.previous.after_ms`, the delivery of the invocation before: its own comes after it.
 */
export function tellCost(root: Span, startMs: number): void {
  isWanted ??= process.env["ANTIFREEZE_SELF_REPORT"]?.toLowerCase() === "true"
  if (!isWanted) return
  root.setTag("antifreeze.before_ms", round(uptimeMs() - startMs))
  if (lastAfterMs !== undefined) root.setTag("antifreeze.previous.after_ms", lastAfterMs)
}

export function noteDelivery(startMs: number): void {
  lastAfterMs = round(uptimeMs() - startMs)
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
