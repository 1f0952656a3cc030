import type { Tracer } from "../../core/tracer.ts"
import type { AnyIntegration } from "../../integrations/_patch.ts"
import { tracerFor } from "../node/default-tracer.ts"
import { endpointOf, isDisabled } from "../node/endpoint.ts"
import { watchAll } from "../node/integrations.ts"
import type { TracerOptions } from "../node/options.ts"
import { type Hooks, processState } from "../node/process-state.ts"
import { beginInit } from "./cold-start.ts"
import { watchExit } from "./crash.ts"
import { type DeliveryMode, deliveryMode } from "./delivery-mode.ts"
import { ownExtension } from "./own-extension.ts"
import { processorShare } from "./processor.ts"
import { rehearse } from "./rehearse.ts"
import { isSupported, takesCallbacks } from "./supported.ts"
import { type Guise, traceInvocation } from "./trace-invocation.ts"

/** Any Lambda handler: `(event, context)`, `(event, context, callback)` or `(event, stream, context)`. */
// biome-ignore lint/suspicious/noExplicitAny: a handler may take any event and return anything; nothing narrower accepts all.
export type AnyHandler = (...args: any[]) => any

export interface HandlerOptions extends TracerOptions {
  /** When spans go out (`ANTIFREEZE_DELIVERY`; default `after` each response, before the freeze). */
  readonly delivery?: DeliveryMode
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
 *   A wrong option is one line of log. A handler that is no function is given back as it is: Lambda has its own words for that.
 */
export function withTracing<H extends AnyHandler>(handler: H, options: HandlerOptions = {}): H {
  return traceHandler(handler, options ?? {}, {})
}

export function traceHandler<H extends AnyHandler>(handler: H, { integrations, delivery, ...options }: HandlerOptions, guise: Guise): H {
  if (typeof handler !== "function" || TRACED in handler || !isSupported() || isDisabled(process.env)) return handler
  const mode = deliveryMode(delivery)
  // Lambda answers the registration while we do the rest; the module must not end before it has.
  const { exporter, endpoint = endpointOf(process.env) } = options
  const registered = exporter === undefined && endpoint === undefined ? undefined : ownExtension(mode)
  const tracer = tracerFor(options)
  let isReady: boolean | undefined
  const ready = () => (isReady ??= makeReady(tracer, integrations))
  beginInit(ready)
  if (endpoint !== undefined) watchExit()
  // Where the first invocation would take a multiple of the time for it.
  if (processorShare() < 1) {
    try {
      rehearse(tracer)
    } catch {
      // The first invocation tells, if it fails there as well.
    }
  }
  registered?.()

  const traced = function (this: unknown, ...args: unknown[]): unknown {
    guise.called?.(this)
    const call = () => Reflect.apply(handler, this, args)
    return ready() ? traceInvocation(tracer, mode, args, STREAMING in handler ? args[2] : args[1], call, guise) : call()
  }
  return dressAs(traced as H, handler)
}

/** What the first invocation needs, which the start need not wait for. False: the handler runs untraced. */
function makeReady(tracer: Tracer, integrations: HandlerOptions["integrations"]): boolean {
  try {
    // The user's own come first: there is one of each name.
    watchAll(integrations)
    tracer.prepare()
    return true
  } catch (error) {
    processState.report("instrumentation", `the function runs untraced: ${String(error)}.`)
    return false
  }
}

/** What every function has of its own. */
const FUNCTION_OWN = new Set<string | symbol>(["length", "prototype", "arguments", "caller"])

/**
 * Gives the wrapper the handler's name and own properties (the streaming marks among them), and at most two parameters: but a runtime
 * without callbacks has its own words for a handler that has a third.
 */
function dressAs<H extends AnyHandler>(traced: H, handler: H): H {
  for (const key of Reflect.ownKeys(handler)) {
    if (!FUNCTION_OWN.has(key)) Object.defineProperty(traced, key, Object.getOwnPropertyDescriptor(handler, key) as PropertyDescriptor)
  }
  const parameters = takesCallbacks() ? Math.min(handler.length, 2) : handler.length
  Object.defineProperty(traced, "length", { value: parameters, configurable: true })
  Object.defineProperty(traced, TRACED, { value: true })
  return traced
}
