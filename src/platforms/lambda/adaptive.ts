import type { SpanRecord } from "../../core/contracts.ts"
import type { Tracer } from "../../core/tracer.ts"
import { processState } from "../node/process-state.ts"
import { ending } from "./ending.ts"
import { journalFor } from "./journal.ts"
import { emptyOutbox } from "./outbox.ts"

/** Invocations that follow the one before within this time are frequent. */
const GAP_MS = 1_000
/** So many of them in a row before anything waits. */
const GAPS = 2
/** What waits goes out with the first invocation after the oldest of it has waited this long, or once there is so much of it. */
const DUE_MS = 1_000
const DUE_SPANS = 256
const DUE_BYTES = 128 * 1024
/** An invocation with more spans does not wait: the exporter has to have room for all. */
const MANY_SPANS = 1_024

let lastEndMs = 0
let shortGaps = 0
let count = 0
let bytes = 0
let sinceMs = 0
let beside: Promise<void> | undefined

/**
 * Adaptive delivery: spans wait for company while invocations come often.
 *
 * 1. Rare invocations, and the first ones, deliver after their own response, as without: nobody knows when the next will come.
 * 2. After two short gaps in a row, measured by the wall clock since timers stand still in the freeze, finished spans are kept by the
 *    exporter, and written to the outbox: a process that is killed while it is frozen says nothing more.
 * 3. A frozen process has no timer. So the age of what waits is looked at when an invocation begins; the delivery starts once its
 *    handler has been called, and the freeze waits for both.
 * 4. The last of it goes out with the next invocation, however late, or at SIGTERM.
 *
 * This is called when an invocation begins. `isQuiet` says, once its handler has been called, whether nothing may go out beside it.
 */
export function beginBeside(deadlineMs: () => number | undefined, isQuiet: () => boolean): void {
  shortGaps = Date.now() - lastEndMs <= GAP_MS ? shortGaps + 1 : 0
  if (!isDue()) return
  beside = new Promise((resolve) => setImmediate(resolve)).then(() => (isQuiet() ? undefined : send(deadlineMs())))
}

/** Called when the response is out: the end of the delivery beside the invocation. Never rejects. */
export async function besideIsOver(): Promise<void> {
  await beside
  beside = undefined
}

/** Called then: true when these spans wait in the outbox, false when all is to be delivered at once. */
export function waitForCompany(tracer: Tracer, spans: readonly SpanRecord[]): boolean {
  lastEndMs = Date.now()
  // Somebody may have flushed meanwhile.
  if (bytes > 0 && emptyOutbox()) count = bytes = 0
  if (shortGaps >= GAPS && !isDue() && (spans.length === 0 || putOut(tracer, spans))) {
    ending.journal?.clear()
    return true
  }
  // The caller's delivery takes all that waits along.
  count = bytes = 0
  return false
}

function putOut(tracer: Tracer, spans: readonly SpanRecord[]): boolean {
  const { urgent } = tracer.exporter ?? {}
  if (urgent === undefined || spans.length > MANY_SPANS) return false
  const body = urgent.encode(spans)
  ending.waiting.add(tracer)
  if (journalFor(processState.report, "outbox")?.keep(body) !== true) return false
  urgent.defer(spans, body.length)
  if (bytes === 0) sinceMs = Date.now()
  count += spans.length
  bytes += body.length
  return true
}

function isDue(): boolean {
  return count >= DUE_SPANS || bytes >= DUE_BYTES || (bytes > 0 && Date.now() - sinceMs >= DUE_MS)
}

async function send(deadlineMs: number | undefined): Promise<void> {
  try {
    const { scopeManager } = processState
    await Promise.all([...ending.waiting].map((tracer) => scopeManager.exclude(() => tracer.exporter?.export([], deadlineMs))))
    if (emptyOutbox()) count = bytes = 0
  } catch (error) {
    processState.report("delivery", `the delivery beside an invocation failed: ${String(error)}.`)
  }
  // Not taken: the next try is as far away as the first was.
  sinceMs = Date.now()
}
