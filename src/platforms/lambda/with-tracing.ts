import type { Context } from "aws-lambda"
import { type Invocation, invoke } from "../../core/invoke.ts"
import type { Tracer } from "../../core/tracer.ts"
import type { AnyIntegration } from "../../integrations/_patch.ts"
import { endpointOf, isDisabled } from "../node/config.ts"
import { tracerFor } from "../node/default-tracer.ts"
import { watchAll } from "../node/integrations.ts"
import type { TracerOptions } from "../node/node-tracer.ts"
import { type Hooks, processState } from "../node/process-state.ts"
import { endWithLoop, followCallbacks, type LegacyContext } from "./callbacks.ts"
import { beginInit, drawInit } from "./cold-start.ts"
import { watchCrash, watchExit } from "./crash.ts"
import { type Hold, openHold } from "./hold.ts"
import { ownExtension } from "./own-extension.ts"
import { tellCost } from "./self-report.ts"
import { isSupported } from "./supported.ts"
import { invocationTags, triggerOf } from "./trigger.ts"
import { keepVigil, type Vigil } from "./vigil.ts"

/** Any Lambda handler: `(event, context)`, `(event, context, callback)` or `(event, stream, context)`. */
// biome-ignore lint/suspicious/noExplicitAny: a handler may take any event and return anything; nothing narrower accepts all.
export type AnyHandler = (...args: any[]) => any

export interface HandlerOptions extends TracerOptions {
  /** The user's own integrations, and hooks for the spans of ours: `{ name: "redis", onCall(span, call) {} }`. One of each name in a process. */
  readonly integrations?: readonly (AnyIntegration | Hooks)[]
}

const TRACED = Symbol.for("antifreeze.traced")
/** aws-lambda-ric: the mark of a streaming handler, whose arguments are (event, stream, context). */
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming")

/**
 * Traces a Lambda handler: a root span for each invocation, a child span for each outgoing call, delivered after the
 * response and before the freeze. The handler's arguments, `this`, result and errors pass through untouched.
 *
 * @param options configure a tracer for this handler alone; default: the tracer that the environment configures.
 * @returns the handler to export. On a Node older than 22.15, or with `OTEL_SDK_DISABLED=true`, it is the handler itself.
 * @throws {TracingError} `ERR_CONFIG` when an option has a wrong value. A handler that is no function is given back as it is:
 *   Lambda has its own words for that.
 */
export function withTracing<H extends AnyHandler>(handler: H, options: HandlerOptions = {}): H {
  return traceHandler(handler, options, { called() {}, touchUp() {} })
}

/** How a traced handler passes for the untraced one in the stack of an error. */
export interface Guise {
  /** The handler is about to be called as a method of `self`. */
  called(self: unknown): void
  /** The error is about to leave for the runtime. Never throws. */
  touchUp(error: unknown): void
}

export function traceHandler<H extends AnyHandler>(handler: H, { integrations, ...options }: HandlerOptions, guise: Guise): H {
  if (typeof handler !== "function" || TRACED in handler || !isSupported() || isDisabled(process.env)) return handler
  // Lambda answers the registration while we do the rest; the module must not end before it has.
  const { exporter, endpoint = endpointOf(process.env) } = options
  const registered = exporter === undefined && endpoint === undefined ? undefined : ownExtension()
  const tracer = tracerFor(options)
  let isReady = false
  const ready = () => {
    if (isReady) return
    isReady = true
    try {
      tracer.prepare()
      watchAll(integrations)
    } catch (error) {
      processState.report("instrumentation", `outgoing calls are not traced: ${String(error)}.`)
    }
  }
  beginInit(ready)
  if (endpoint !== undefined) watchExit()
  registered?.()

  const traced = function (this: unknown, ...args: unknown[]): unknown {
    ready()
    guise.called(this)
    const call = () => Reflect.apply(handler, this, args)
    return trace(tracer, args, STREAMING in handler ? args[2] : args[1], call, guise)
  }
  return dressAs(traced as H, handler)
}

/** Runs `call` exactly once, traced unless something of ours fails. */
function trace(tracer: Tracer, args: unknown[], context: unknown, call: () => unknown, guise: Guise): unknown {
  const startMs = performance.now()
  let called = false
  const callOnce = () => {
    called = true
    return call()
  }
  let hold: Hold | undefined
  let vigil: Vigil | undefined
  try {
    if (isNested(tracer, context)) return callOnce()
    watchCrash()
    const { requestId, settle } = (hold = openHold(tracer, context))
    const end = (take: Parameters<typeof settle>[0]) => {
      vigil?.end()
      return settle(take)
    }
    return invoke(
      { tracer, id: requestId, trigger: triggerOf(args[0], context), tags: invocationTags(context), settle: end },
      (invocation) => {
        vigil = keepVigil(invocation, context)
        tellCost(invocation.root, startMs)
        return run(invocation, args, context as LegacyContext, callOnce, hold as Hold, guise)
      },
    )
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
    touchUp(error)
    throw error
  }
  // A thenable is followed by the runtime alone where that can be: it answers by `context.succeed` and `fail`.
  if (returned instanceof Promise || (legacy === undefined && isThenable(returned))) {
    const promise = Promise.resolve(returned)
    // First in line: whoever follows the promise sees the error touched up.
    promise.then(undefined, touchUp)
    endWithLoop(invocation, promise)
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

/** What every function has of its own. */
const FUNCTION_OWN = new Set<string | symbol>(["length", "prototype", "arguments", "caller"])

/** Gives the wrapper the handler's name and own properties (the streaming marks among them), and at most two parameters. */
function dressAs<H extends AnyHandler>(traced: H, handler: H): H {
  for (const key of Reflect.ownKeys(handler)) {
    if (!FUNCTION_OWN.has(key)) Object.defineProperty(traced, key, Object.getOwnPropertyDescriptor(handler, key) as PropertyDescriptor)
  }
  Object.defineProperty(traced, "length", { value: Math.min(handler.length, 2), configurable: true })
  Object.defineProperty(traced, TRACED, { value: true })
  return traced
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value !== null && typeof value === "object" && typeof (value as { then?: unknown }).then === "function"
}
