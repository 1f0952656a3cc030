import type { SpanRecord, TagValue } from "../../core/contracts.ts"
import type { EdgeTracer } from "./edge-tracer.ts"
import { isWorkerd } from "./runtime.ts"
import { state } from "./state.ts"

/** Sends the spans, with those of no invocation. Gives a promise to wait for, which never rejects, or `undefined` when there is nothing to send. */
export function deliver(tracer: EdgeTracer, spans: SpanRecord[]): Promise<unknown> | undefined {
  const { exporter } = tracer
  const all = tracer.loose.hasFinished ? [...tracer.loose.take(), ...spans] : spans
  if (exporter === undefined || all.length === 0) return undefined
  try {
    for (const span of all) prepare(tracer, span)
    const due = linger(tracer, all)
    if (due.length === 0) return undefined
    // Our own exporter uses the runtime's fetch, of which nothing is traced anyway.
    const exported = tracer.policy.exporter === undefined ? exporter.export(due) : tracer.scopeManager.exclude(() => exporter.export(due))
    return exported.catch(failed)
  } catch (error) {
    failed(error)
    return undefined
  }
}

function failed(error: unknown): void {
  state.report("delivery", `the delivery failed: ${String(error)}.`)
}

function prepare({ policy: { redact } }: EdgeTracer, span: SpanRecord): void {
  const tags = span.tags as Map<string, TagValue>
  // Zero here means "not known": the clock of this runtime moves with I/O only.
  if (isWorkerd && span.durationUs === 0) tags.set("antifreeze.clock", "frozen")
  if (redact === undefined) return
  for (const [key, value] of tags) {
    let sent: TagValue | undefined
    try {
      sent = redact(key, value, span)
    } catch {
      // What cannot be redacted must not leave.
    }
    if (sent === undefined) tags.delete(key)
    else if (sent !== value) tags.set(key, sent)
  }
}

/** Cross-request batching: everything at once, or nothing yet. */
function linger(tracer: EdgeTracer, spans: SpanRecord[]): readonly SpanRecord[] {
  const { linger } = tracer.policy
  if (linger === undefined) return spans
  const nowMs = Date.now()
  if (tracer.lingering.length === 0) tracer.lingeringSinceMs = nowMs
  tracer.lingering.push(...spans)
  if (tracer.lingering.length < linger.spans && nowMs - tracer.lingeringSinceMs < linger.ms) return []
  const due = tracer.lingering
  tracer.lingering = []
  return due
}
