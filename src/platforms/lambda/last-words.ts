import type { SpanRecord } from "../../core/contracts.ts"
import type { Span } from "../../core/span.ts"
import type { Tracer } from "../../core/tracer.ts"
import { processState } from "../node/process-state.ts"
import { uptimeMs } from "../node/uptime.ts"
import { ending, type How } from "./ending.ts"
import { journalFor } from "./journal.ts"

/** The bound of a last delivery: the end of the process waits for it, and where it crashed, so does the client. */
const BUDGET_MS = 300
/** How aws-lambda-ric 3 exits after an unhandled rejection. */
const RIC_REJECTION = 128

/**
 * Closes the invocations under way and delivers all that is left, before it returns. What the endpoint does not take now, or
 * cannot take without the event loop (HTTPS, a name that has to be looked up), is left on disk for the next process.
 */
export function speakLastWords(how: How, code: number | undefined, initFailed: boolean): void {
  const left = new Map<Tracer, SpanRecord[]>()
  const add = (tracer: Tracer, spans: readonly SpanRecord[]) => left.set(tracer, [...(left.get(tracer) ?? []), ...spans])
  const { tracer: own, scopeManager } = processState
  if (own !== undefined && initFailed) tellInit(own, code)
  if (own !== undefined) add(own, own.loose.take())
  for (const [batch, root] of scopeManager.invocations) {
    const tracer = root.tracer()
    tell(root, how, code)
    add(tracer, tracer.loose.take())
    add(tracer, batch.close?.(tracer.loose) ?? batch.take())
  }
  scopeManager.invocations.clear()
  for (const [tracer, spans] of left) deliverNow(tracer, spans)
}

function tell(root: Span, how: How, code: number | undefined): void {
  const { fatal } = ending
  const exited = how === "exit" && code === RIC_REJECTION && process.listenerCount("unhandledRejection") > 0 ? "unhandledRejection" : how
  root.setTag("antifreeze.ended", fatal?.how ?? exited)
  if (code !== undefined) root.setTag("process.exit.code", code)
  if (fatal !== undefined) root.fail(fatal.error)
  else root.addTags({ error: true, "error.kind": "Runtime.ExitError", "error.message": `the process ended (${exited}) while this ran` })
}

/** Something failed before the first invocation; the runtime alone knows what. */
function tellInit(tracer: Tracer, code: number | undefined): void {
  const span = tracer.startSpan("init", { ignoreActiveSpan: true, startTime: Date.now() - uptimeMs(), tags: { "span.kind": "internal" } })
  tell(span, "exit", code)
  span.finish()
}

function deliverNow(tracer: Tracer, spans: readonly SpanRecord[]): void {
  const urgent = tracer.exporter?.urgent
  if (urgent === undefined) return
  const all = [...urgent.recall(), ...spans]
  if (all.length === 0) return
  const body = urgent.encode(all)
  if (urgent.postNow(body, BUDGET_MS)) ending.journal?.clear()
  else if (journalFor(processState.report)?.replace(body) !== true) {
    processState.report("delivery", `${all.length} spans are lost: the process ended, and could neither send nor keep them.`)
  }
}
