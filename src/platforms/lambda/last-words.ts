import type { SpanRecord, Urgent } from "../../core/contracts.ts"
import type { Span } from "../../core/span.ts"
import type { Tracer } from "../../core/tracer.ts"
import { processState } from "../node/process-state.ts"
import { uptimeMs } from "../node/uptime.ts"
import { ending, type How } from "./ending.ts"
import { journalFor } from "./journal.ts"
import { emptyOutbox } from "./outbox.ts"

/** The bound of a last delivery: the end of the process waits for it, and where it crashed, so does the client. */
const BUDGET_MS = 300
/** At the end of its life, an environment with an internal extension has 500 ms from SIGTERM to SIGKILL (Lambda, "Shutdown phase"). */
const LATE_BUDGET_MS = 400
/** How aws-lambda-ric 3 exits after an unhandled rejection. */
const RIC_REJECTION = 128

/**
 * Closes the invocations under way and delivers all that is left, before it returns. What the endpoint does not take now, or
 * cannot take without the event loop (HTTPS, a name that has to be looked up), is left on disk for the next process.
 * Where the environment is shut down there is none; then it gives a promise to wait for, which is bounded and never rejects.
 */
export function speakLastWords(how: How, code: number | undefined, initFailed: boolean): Promise<unknown> | undefined {
  const left = new Map<Tracer, SpanRecord[]>()
  const add = (tracer: Tracer, spans: readonly SpanRecord[]) => left.set(tracer, [...(left.get(tracer) ?? []), ...spans])
  const { tracer: own, scopeManager } = processState
  if (own !== undefined && initFailed) tellInit(own, code)
  for (const tracer of remainders()) add(tracer, tracer.loose.take())
  const hadWork = scopeManager.invocations.size > 0
  for (const [batch, root] of scopeManager.invocations) {
    const tracer = root.tracer()
    tell(root, how, code)
    add(tracer, tracer.loose.take())
    add(tracer, batch.close?.(tracer.loose) ?? batch.take())
  }
  scopeManager.invocations.clear()
  const done = [...left].map(([tracer, spans]) => deliverNow(tracer, spans))
  const kept = done.filter((each) => each instanceof Object)
  if (kept.length > 0) writeDown(kept)
  else if (done.includes("taken")) forget()
  // A function that is stopped in the middle of its work ends when it would have ended without us.
  if (how !== "SIGTERM" || hadWork || kept.length === 0) return undefined
  const late = Promise.all(kept.map(postLate)).then((taken) => !taken.includes(false) && forget())
  return Promise.race([late, new Promise((resolve) => setTimeout(resolve, LATE_BUDGET_MS))])
}

/** Delivers what waits, for an end that somebody else decides on. What has not arrived by then is in the last words. Never rejects. */
export async function sendRemainder(): Promise<void> {
  if (processState.scopeManager.invocations.size > 0) return
  await Promise.all(remainders().map((tracer) => processState.scopeManager.exclude(() => tracer.exporter?.export([]))))
  emptyOutbox()
}

/** The tracers that may have something of no invocation under way. */
function remainders(): Tracer[] {
  const { tracer } = processState
  return [...new Set(tracer === undefined ? ending.waiting : [tracer, ...ending.waiting])]
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

interface Kept {
  readonly urgent: Urgent
  readonly body: string
  readonly count: number
}

/** Gives what was not taken. */
function deliverNow({ exporter }: Tracer, spans: readonly SpanRecord[]): Kept | "taken" | undefined {
  const urgent = exporter?.urgent
  if (urgent === undefined) return undefined
  const all = [...urgent.recall(), ...spans]
  if (all.length === 0) return undefined
  const body = urgent.encode(all)
  return urgent.postNow(body, BUDGET_MS) ? "taken" : { urgent, body, count: all.length }
}

/** All that is left to deliver is this. */
function writeDown(kept: readonly Kept[]): void {
  forget()
  for (const { body, count } of kept) {
    if (journalFor(processState.report)?.keep(body) === true) continue
    processState.report("delivery", `${count} spans are lost: the process ended, and could neither send nor keep them.`)
  }
}

function forget(): void {
  ending.journal?.clear()
  ending.outbox?.clear()
}

/** With the event loop. Never rejects. */
async function postLate({ urgent, body }: Kept): Promise<boolean> {
  try {
    return await processState.scopeManager.exclude(() => urgent.post(body, { lastMs: LATE_BUDGET_MS }))
  } catch {
    return false
  }
}
