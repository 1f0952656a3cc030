import { type Followable, isContext } from "../edge/context.ts"
import { readAllVariables } from "../edge/full-variables.ts"
import { traceInvocation } from "../edge/trace-invocation.ts"
import { type EdgeConfiguration, type EnvOf, type TracerFor, tracerSource } from "../edge/tracer-source.ts"
import { isTraced, markTraced, traceFetchCall, traceFunction } from "../edge/with-tracing.ts"
import { watchBindings } from "./bindings/watch.ts"
import { isClass, traceClass } from "./classes.ts"
import { tracePages } from "./pages.ts"
import { type EventName, eventTriggers } from "./triggers.ts"

/** A Worker's default export, a class that it exports, or a Pages function. */
// biome-ignore lint/suspicious/noExplicitAny: Cloudflare's own types are not needed to use this; nothing narrower accepts them all.
export type WorkerHandler = Record<string, any> | ((...args: any[]) => any) | (new (...args: any[]) => any)

/**
 * Traces a Worker: a root span for each event, a child span for each call of a binding, of `fetch` and of the Cache API,
 * delivered through the runtime's `waitUntil` after the answer.
 *
 * Takes the default export with its handlers (`fetch`, `scheduled`, `queue`, `email`, `tail`), a class (Durable Object,
 * WorkerEntrypoint, WorkflowEntrypoint), or a Pages function. The variables of the Worker configure it (`OTEL_*`); options
 * win over them, and a function gives options for the environment of an invocation.
 */
export function withTracing<H extends WorkerHandler, Env = EnvOf<H>>(handler: H, options: EdgeConfiguration<Env> = {}): H {
  if (handler === null || (typeof handler !== "object" && typeof handler !== "function") || isTraced(handler)) return handler
  const tracerFor = workerTracers(options as EdgeConfiguration<never>)
  if (isClass(handler)) return markTraced(traceClass(handler, tracerFor) as unknown as H)
  if (typeof handler === "function") return tracePages(handler as never, tracerFor, traceFunction) as unknown as H
  return traceObject(handler as Record<string, unknown>, tracerFor) as H
}

function workerTracers(options: EdgeConfiguration<never>): TracerFor {
  const source = tracerSource(options, readAllVariables)
  return (env) => {
    watchBindings(env)
    return source(env)
  }
}

type Handler = (...args: unknown[]) => unknown

function traceObject(handler: Record<string, unknown>, tracerFor: TracerFor): Record<string, unknown> {
  const traced: PropertyDescriptorMap = {}
  for (const name of ["fetch", ...Object.keys(eventTriggers)]) {
    const original = handler[name]
    if (typeof original !== "function") continue
    const value = function (this: unknown, ...args: unknown[]): unknown {
      // Methods of a class with private fields want the object that they belong to.
      const call = () => Reflect.apply(original as Handler, this === wrapped ? handler : this, args)
      return name === "fetch" ? traceFetchCall(tracerFor, args, call) : traceHandler(name as EventName, tracerFor, args, call)
    }
    traced[name] = { value, enumerable: true, configurable: true, writable: true }
  }
  const wrapped: Record<string, unknown> = Object.create(handler, traced)
  return markTraced(wrapped)
}

/** `(event, env, context)` */
export function traceHandler(name: EventName, tracerFor: TracerFor, args: readonly unknown[], call: () => unknown): unknown {
  const [event, env, given] = args
  const context: Followable | undefined = isContext(given) ? given : undefined
  return traceInvocation({ tracerFor, env, context, by: () => eventTriggers[name](event) }, call)
}
