import { answer, endOnDisconnect } from "./answer.ts"
import { type Followable, followTasks, waitUntilOf } from "./context.ts"
import { watchFetch } from "./global-fetch.ts"
import { type Invocation, openInvocation } from "./invocation.ts"
import { requestTrigger } from "./request-trigger.ts"
import { state } from "./state.ts"
import type { TracerFor } from "./tracer-source.ts"

/** Runs one call of a fetch handler, traced unless tracing is off, another wrapper does it already, or something of ours fails. */
export function traceFetch(
  tracerFor: TracerFor,
  request: Request,
  env: unknown,
  context: Followable | undefined,
  call: () => unknown,
  ownContext = true,
): unknown {
  let invocation: Invocation | undefined
  const waitUntil = waitUntilOf(context)
  try {
    const tracer = state.scopeManager.active === null ? tracerFor(env) : undefined
    if (tracer === undefined) return call()
    watchFetch()
    invocation = openInvocation({ tracer, trigger: requestTrigger(request), waitUntil }, request, ownContext ? context : undefined)
    if (ownContext) followTasks(context, invocation)
    endOnDisconnect(request, invocation)
  } catch (error) {
    state.report("invocation", `this invocation is not traced: ${String(error)}.`)
  }
  return invocation === undefined ? call() : answer(invocation, request.method, waitUntil, call)
}
