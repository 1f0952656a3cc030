import { isContext } from "../edge/context.ts"
import { traceInvocation } from "../edge/trace-invocation.ts"
import type { TracerFor } from "../edge/tracer-source.ts"

type AnyFunction = (...args: unknown[]) => unknown

/** A Pages function gets one context with everything in it; any other function is taken for a fetch handler. */
export function tracePages(
  handler: AnyFunction,
  tracerFor: TracerFor,
  otherwise: (handler: AnyFunction, tracerFor: TracerFor) => AnyFunction,
): AnyFunction {
  const plain = otherwise(handler, tracerFor)
  const traced = function (this: unknown, ...args: unknown[]): unknown {
    const [context] = args as [{ request?: unknown; env?: unknown } | undefined]
    if (!isContext(context) || !(context.request instanceof Request)) return Reflect.apply(plain, this, args)
    return traceInvocation({ tracerFor, env: context.env, context, by: context.request }, () => Reflect.apply(handler, this, args))
  }
  return Object.defineProperties(traced, Object.getOwnPropertyDescriptors(plain)) as AnyFunction
}
