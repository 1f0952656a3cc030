import type { Batch } from "../../core/batch.ts"
import type { SpanRecord } from "../../core/contracts.ts"
import { recordOf } from "../../core/record.ts"
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
    const spans = soFar(batch, root)
    ending.journal?.begin(batch)
    const delivery = await tracer.scopeManager.exclude(() => tracer.exporter?.export(spans, Math.max(0, leftMs - MARGIN_MS)))
    if (delivery?.kept !== 0) return
    ending.journal?.clear()
    emptyOutbox()
  } catch (error) {
    processState.report("delivery", `the delivery before the deadline failed: ${String(error)}.`)
  }
}

/**
 * What can be said while it is not known whether the process will ever go on: open children are final and marked
 * `antifreeze.unfinished`; the root as it stands is revision 1, and sent again as revision 2 when it ends.
 */
function soFar(batch: Batch, root: Span): SpanRecord[] {
  for (const span of batch.spans) if (span !== root) span.abandon()
  const records: SpanRecord[] = batch.take()
  if (records.includes(root)) return records
  const tags = new Map(root.tags).set("antifreeze.unfinished", true).set("antifreeze.revision", 1)
  records.push(recordOf(root, { tags, logs: [...root.logs], durationUs: Math.round(root.duration * 1000) }))
  root.setTag("antifreeze.revision", 2)
  return records
}
