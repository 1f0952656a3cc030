import { isContext } from "./context.ts"
import { traceInvocation } from "./trace-invocation.ts"
import { type EdgeConfiguration, type EnvOf, type ReadVariables, type TracerFor, tracerSource } from "./tracer-source.ts"

/** `(request, …) => Response`, whatever else the platform passes. */
// biome-ignore lint/suspicious/noExplicitAny: a handler may take anything; nothing narrower accepts all.
export type FetchFunction = (...args: any[]) => any

/** A fetch handler, or an object that has one (`export default { fetch }`). */
export type FetchHandler = FetchFunction | { readonly fetch?: FetchFunction }

const TRACED = Symbol.for("antifreeze.traced")

/** Traces a call that is no `(request, …) => Response`; `undefined` when it is one. */
export type TraceOther = (tracerFor: TracerFor, args: readonly unknown[], call: () => unknown) => { readonly value: unknown } | undefined

export function isTraced(handler: object): boolean {
  return TRACED in handler
}

export function markTraced<T extends object>(traced: T): T {
  return Object.defineProperty(traced, TRACED, { value: true })
}

/** Makes the `withTracing` of a platform whose functions are `(request, …) => Response`. */
export function createWithTracing(readVariables: ReadVariables, traceOther?: TraceOther) {
  return function withTracing<H extends FetchHandler, Env = EnvOf<H>>(handler: H, options: EdgeConfiguration<Env> = {}): H {
    if (handler === null || (typeof handler !== "function" && typeof handler !== "object") || isTraced(handler)) return handler
    const tracerFor = tracerSource(options as EdgeConfiguration<never>, readVariables)
    if (typeof handler === "function") return traceFunction(handler, tracerFor, traceOther) as H
    return typeof handler.fetch === "function" ? (withFetch(handler as { readonly fetch: FetchFunction }, tracerFor) as H) : handler
  }
}

export function traceFunction<F extends FetchFunction>(handler: F, tracerFor: TracerFor, traceOther?: TraceOther): F {
  const traced = function (this: unknown, ...args: unknown[]): unknown {
    const call = () => Reflect.apply(handler, this, args)
    const other = traceOther?.(tracerFor, args, call)
    return other === undefined ? traceFetchCall(tracerFor, args, call) : other.value
  }
  return markTraced(Object.defineProperties(traced, Object.getOwnPropertyDescriptors(handler)) as unknown as F)
}

function withFetch<H extends { readonly fetch?: FetchFunction }>(handler: H, tracerFor: TracerFor): H {
  const wrapped: H = Object.create(handler, {
    fetch: {
      value(this: unknown, ...args: unknown[]): unknown {
        // Methods of a class with private fields want the object that they belong to.
        const self = this === wrapped ? handler : this
        return traceFetchCall(tracerFor, args, () => Reflect.apply(handler.fetch as FetchFunction, self, args))
      },
      enumerable: true,
      configurable: true,
      writable: true,
    },
  })
  return markTraced(wrapped)
}

/** Workers pass `(request, env, context)`; Vercel, Netlify and others `(request, context)`; Deno and Bun something without `waitUntil`. */
export function traceFetchCall(tracerFor: TracerFor, args: readonly unknown[], call: () => unknown): unknown {
  const context = args.slice(1).find(isContext)
  const env = args.length > 2 && args[1] !== context ? args[1] : undefined
  return traceInvocation({ tracerFor, env, context, by: args[0] as Request }, call)
}
