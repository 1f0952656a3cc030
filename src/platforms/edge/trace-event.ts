import type { Trigger } from "../../core/contracts.ts"
import { type Followable, followTasks, waitUntilOf } from "./context.ts"
import { watchFetch } from "./global-fetch.ts"
import { type Invocation, openInvocation } from "./invocation.ts"
import { state } from "./state.ts"
import type { TracerFor } from "./tracer-source.ts"

export interface EventOptions {
  readonly tracerFor: TracerFor
  readonly env: unknown
  readonly context: Followable | undefined
  /** Whether the context belongs to this invocation alone, so that its tasks can be followed. */
  readonly ownContext?: boolean
  readonly trigger: () => Trigger
}

/** Runs one call that is no fetch, traced unless tracing is off, another wrapper does it already, or something of ours fails. */
export function traceEvent({ tracerFor, env, context, ownContext = true, trigger }: EventOptions, call: () => unknown): unknown {
  let invocation: Invocation | undefined
  let tagsOf: Trigger["tagsOf"]
  try {
    const tracer = state.scopeManager.active === null ? tracerFor(env) : undefined
    if (tracer === undefined) return call()
    watchFetch()
    const woken = trigger()
    tagsOf = woken.tagsOf?.bind(woken)
    invocation = openInvocation({ tracer, trigger: woken, waitUntil: waitUntilOf(context) }, ownContext ? context : undefined)
    if (ownContext) followTasks(context, invocation)
  } catch (error) {
    state.report("invocation", `this invocation is not traced: ${String(error)}.`)
  }
  return invocation === undefined ? call() : run(invocation, tagsOf, call)
}

function run(invocation: Invocation, tagsOf: Trigger["tagsOf"], call: () => unknown): unknown {
  const returned = (value: unknown) => {
    invocation.end(tagsOf?.(value))
    return value
  }
  const threw = (error: unknown): never => {
    invocation.end(tagsOf?.(undefined), { error })
    throw error
  }
  let value: unknown
  try {
    value = invocation.run(call)
  } catch (error) {
    return threw(error)
  }
  return value instanceof Promise ? value.then(returned, threw) : returned(value)
}
