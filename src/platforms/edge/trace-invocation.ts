import type { Trigger } from "../../core/contracts.ts"
import { answer, endOnDisconnect } from "./answer.ts"
import { type Followable, followTasks, tieTo } from "./context.ts"
import { watchFetch } from "./global-fetch.ts"
import { type Invocation, openInvocation } from "./invocation.ts"
import { requestTrigger } from "./request-trigger.ts"
import { state } from "./state.ts"
import type { TracerFor } from "./tracer-source.ts"
import { isUnderWay } from "./under-way.ts"

export interface Woken {
  readonly tracerFor: TracerFor
  readonly env: unknown
  readonly context: Followable | undefined
  /** Whether the context belongs to this invocation alone, so that its tasks can be followed. */
  readonly ownContext?: boolean
  /** The request, whose answer is followed to its end; or what tells of another event. */
  readonly by: Request | (() => Trigger)
}

/** Runs one call of a handler, traced unless tracing is off, another wrapper does it already, or something of ours fails. */
export function traceInvocation({ tracerFor, env, context, ownContext = true, by }: Woken, call: () => unknown): unknown {
  let invocation: Invocation | undefined
  let trigger: Trigger | undefined
  const request = typeof by === "function" ? undefined : by
  const tie = tieTo(context)
  try {
    const tracer = isUnderWay() ? undefined : tracerFor(env)
    if (tracer === undefined) return call()
    watchFetch()
    trigger = typeof by === "function" ? by() : requestTrigger(by)
    invocation = openInvocation({ tracer, trigger, tie }, request, ownContext ? context : undefined)
    if (ownContext) followTasks(context, tie, invocation)
    if (request !== undefined) endOnDisconnect(request, invocation)
  } catch (error) {
    state.report("invocation", `this invocation is not traced: ${String(error)}.`)
  }
  return invocation === undefined ? call() : answer(invocation, trigger?.tagsOf, request, tie, call)
}
