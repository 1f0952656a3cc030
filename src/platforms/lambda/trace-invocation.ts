import type { Context } from "aws-lambda"
import { type Invocation, invoke } from "../../core/invoke.ts"
import type { Tracer } from "../../core/tracer.ts"
import { processState } from "../node/process-state.ts"
import { uptimeMs } from "../node/uptime.ts"
import { endWithLoop, followCallbacks, forget, type LegacyContext } from "./callbacks.ts"
import { drawInit } from "./cold-start.ts"
import { watchCrash } from "./crash.ts"
import type { DeliveryMode } from "./delivery-mode.ts"
import { type Hold, openHold } from "./hold.ts"
import { tellCost } from "./self-report.ts"
import { invocationTags, triggerOf } from "./trigger.ts"
import { keepVigil, type Vigil } from "./vigil.ts"

/** How a traced handler passes for the untraced one in the stack of an error. */
export interface Guise {
  /** The handler is about to be called as a method of `self`. */
  called?(self: unknown): void
  /** The error is about to leave for the runtime. Never throws. */
  touchUp?(error: unknown): void
}

/** Runs `call` exactly once, traced unless something of ours fails. */
export function traceInvocation(
  tracer: Tracer,
  mode: DeliveryMode,
  args: unknown[],
  context: unknown,
  call: () => unknown,
  guise: Guise,
): unknown {
  const startMs = uptimeMs()
  let called = false
  const callOnce = () => {
    called = true
    return call()
  }
  let hold: Hold | undefined
  let vigil: Vigil | undefined
  let current: Invocation | undefined
  try {
    if (isNested(tracer, context)) return callOnce()
    watchCrash()
    const { requestId, settle } = (hold = openHold(tracer, context, mode))
    // What need not be done before the response is done with the delivery.
    const end = (take: Parameters<typeof settle>[0]) =>
      settle(() => {
        vigil?.end()
        if (current !== undefined) forget(current)
        return take()
      })
    const [event] = args
    const found = triggerOf(event, context)
    const trigger = processState.capture?.(found, event) ?? found
    return invoke({ tracer, id: requestId, trigger, tags: invocationTags(context), settle: end }, (invocation) => {
      current = invocation
      vigil = keepVigil(invocation, context)
      tellCost(invocation.root, startMs)
      return run(invocation, args, context as LegacyContext, callOnce, hold as Hold, guise)
    })
  } catch (error) {
    if (called) throw error
    hold?.abandon()
    processState.report("invocation", `this invocation is not traced: ${String(error)}.`)
    return callOnce()
  }
}

function run(
  invocation: Invocation,
  args: unknown[],
  context: LegacyContext,
  call: () => unknown,
  hold: Hold,
  { touchUp }: Guise,
): unknown {
  drawInit(invocation.root)
  const legacy = followCallbacks(invocation, args, context, hold, touchUp)
  let returned: unknown
  try {
    returned = call()
  } catch (error) {
    touchUp?.(error)
    throw error
  }
  // A thenable is followed by the runtime alone where that can be: it answers by `context.succeed` and `fail`.
  if (returned instanceof Promise || (legacy === undefined && isThenable(returned))) {
    const promise = Promise.resolve(returned)
    // First in line: whoever follows the promise sees the error touched up.
    if (touchUp !== undefined) promise.then(undefined, touchUp)
    endWithLoop(invocation)
    return promise
  }
  legacy?.waitForAnswer()
  return returned
}

/** A traced handler that calls another one, or a code wrapper inside the layer: one invocation has one root. */
function isNested(tracer: Tracer, context: unknown): boolean {
  const span = tracer.activeSpan
  const owner = span?.context().segment?.sink.owner
  // One that has ended is another attempt: Lambda retries under the same request id.
  return owner !== undefined && span?.durationUs === undefined && owner === (context as Context | undefined)?.awsRequestId
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && typeof value === "object" && typeof (value as { then?: unknown }).then === "function"
}
