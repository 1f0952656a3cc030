import type { Delivery, SpanRecord } from "../../core/contracts.ts"
import type { Tracer } from "../../core/tracer.ts"
import { processState } from "../node/process-state.ts"
import { ending } from "./ending.ts"
import { journalFor } from "./journal.ts"
import { hasPlace } from "./journal-folder.ts"

/**
 * After a delivery. What the endpoint has not taken is written down before the freeze: the environment may be killed before it is
 * used again.
 */
export function settleJournal({ kept }: Delivery, spans: readonly SpanRecord[], tracer: Tracer): void {
  const urgent = tracer.exporter?.urgent
  if (urgent === undefined) return
  if (kept === 0) emptyOutbox()
  else if (spans.length > 0 && hasPlace()) {
    ending.waiting.add(tracer)
    // With neither the one nor the other, it may at least be what the journal says.
    if (journalFor(processState.report, "outbox")?.keep(urgent.encode(spans)) !== true) return
  }
  ending.journal?.clear()
}

/** True when all that waited has been delivered. */
export function emptyOutbox(): boolean {
  for (const { exporter } of ending.waiting) if (exporter?.urgent?.pending) return false
  ending.outbox?.clear()
  ending.waiting.clear()
  return true
}
