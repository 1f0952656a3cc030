import type { Batch } from "../../core/batch.ts"
import type { Span } from "../../core/span.ts"
import { processState } from "../node/process-state.ts"
import { ending } from "./ending.ts"
import { emptyOutbox } from "./outbox.ts"

/** What must be left when the delivery ends: the process is killed at the deadline, whatever it does. */
const MARGIN_MS = 10

/** Delivers what is known of an invocation whose time is almost up. Never rejects. */
export async function checkpoint(batch: Batch, root: Span, leftMs: number): Promise<void> {
  try {
    const tracer = root.tracer()
    const spans = batch.checkpoint(root)
    ending.journal?.begin(batch)
    const delivery = await tracer.scopeManager.exclude(() => tracer.exporter?.export(spans, Math.max(0, leftMs - MARGIN_MS)))
    if (delivery?.kept !== 0) return
    ending.journal?.clear()
    emptyOutbox()
  } catch (error) {
    processState.report("delivery", `the delivery before the deadline failed: ${String(error)}.`)
  }
}
