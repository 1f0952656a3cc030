import type { Trigger } from "../../core/contracts.ts"
import { type Followable, isContext } from "../edge/context.ts"
import { state } from "../edge/state.ts"
import { traceInvocation } from "../edge/trace-invocation.ts"
import type { TracerFor } from "../edge/tracer-source.ts"
import { watchStorage } from "./bindings/durable-objects.ts"
import { RPC_CONTEXT } from "./bindings/fetchers.ts"
import { eventTriggers } from "./triggers.ts"
import { traceWorkflow } from "./workflow.ts"

type AnyFunction = (...args: unknown[]) => unknown
// biome-ignore lint/suspicious/noExplicitAny: TypeScript allows a mixin only over a constructor of any arguments.
type AnyClass = new (...args: any[]) => object

type Kind = "DurableObject" | "WorkerEntrypoint" | "WorkflowEntrypoint"

const BASES: readonly string[] = ["DurableObject", "WorkerEntrypoint", "WorkflowEntrypoint"]

/** What the runtime passed when it made an instance. */
interface Instance {
  readonly kind: Kind
  readonly className: string
  readonly context: Followable | undefined
  readonly env: unknown
}

export function isClass(handler: unknown): handler is AnyClass {
  return typeof handler === "function" && /^class\b/.test(Function.prototype.toString.call(handler))
}

/**
 * A subclass of the user's class, with every public method traced when the runtime calls it. Fields, `#private` ones too,
 * getters and statics are the class's own; a method that calls another one of its object stays one call.
 */
export function traceClass(Base: AnyClass, tracerFor: TracerFor): AnyClass {
  const kind = kindOf(Base)
  const instances = new WeakMap<object, Instance>()
  const Traced = class extends Base {
    constructor(...args: unknown[]) {
      // Before the constructor of the user, which may already ask the storage.
      const [context, env] = args
      prepare(kind, context, env, tracerFor)
      super(...args)
      instances.set(this, { kind, className: Base.name, context: isContext(context) ? context : undefined, env })
    }
  }
  Object.defineProperty(Traced, "name", { value: Base.name, configurable: true })
  for (const [name, descriptor] of methodsOf(Base)) {
    const method = descriptor.value as AnyFunction
    const value = {
      [name](this: object, ...args: unknown[]): unknown {
        const instance = instances.get(this)
        if (instance === undefined) return Reflect.apply(method, this, args)
        return traceMethod(instance, tracerFor, name, args, (sent) => Reflect.apply(method, this, sent))
      },
    }[name] as AnyFunction
    Object.defineProperty(value, "length", { value: method.length, configurable: true })
    Object.defineProperty(Traced.prototype, name, { ...descriptor, value })
  }
  return Traced
}

function prepare(kind: Kind, context: unknown, env: unknown, tracerFor: TracerFor): void {
  try {
    tracerFor(env)
    if (kind === "DurableObject") watchStorage(context as { storage?: object })
  } catch (error) {
    state.report("instrumentation", `this invocation is not traced: ${String(error)}.`)
  }
}

/** A class without a base of the runtime is a Durable Object of the first kind. */
function kindOf(Base: AnyClass): Kind {
  for (let each: unknown = Object.getPrototypeOf(Base); typeof each === "function"; each = Object.getPrototypeOf(each)) {
    if (BASES.includes(each.name)) return each.name as Kind
  }
  return "DurableObject"
}

function methodsOf(Base: AnyClass): Map<string, PropertyDescriptor> {
  const methods = new Map<string, PropertyDescriptor>()
  for (let each: object | null = Base.prototype; each !== null && each !== Object.prototype; each = Object.getPrototypeOf(each)) {
    if (BASES.includes(each.constructor.name) && each !== Base.prototype) break
    for (const name of Object.getOwnPropertyNames(each)) {
      const descriptor = Object.getOwnPropertyDescriptor(each, name) as PropertyDescriptor
      if (name !== "constructor" && typeof descriptor.value === "function" && !methods.has(name)) methods.set(name, descriptor)
    }
  }
  return methods
}

function traceMethod(
  { kind, className, context, env }: Instance,
  tracerFor: TracerFor,
  name: string,
  args: unknown[],
  call: (args: readonly unknown[]) => unknown,
): unknown {
  const carrier = name === "fetch" ? undefined : takeContext(args)
  if (state.scopeManager.active !== null) return call(args)
  if (kind === "WorkflowEntrypoint") {
    return name === "run" ? traceWorkflow({ tracerFor, env, context, className }, args, call) : call(args)
  }
  // The context of a Durable Object is that of all its invocations: their tasks cannot be told apart.
  const ownContext = kind === "WorkerEntrypoint"
  const by = name === "fetch" ? (args[0] as Request) : () => triggerOf(kind, className, name, args, carrier)
  return traceInvocation({ tracerFor, env, context, ownContext, by }, () => call(args))
}

/** Takes the trace off an RPC call. Only a caller who was told to has put one there. */
function takeContext(args: unknown[]): unknown {
  const last = args.at(-1)
  if (last === null || typeof last !== "object" || !Object.hasOwn(last, RPC_CONTEXT)) return undefined
  args.pop()
  return (last as { [RPC_CONTEXT]: unknown })[RPC_CONTEXT]
}

function triggerOf(kind: Kind, className: string, name: string, args: readonly unknown[], carrier: unknown): Trigger {
  if (kind === "WorkerEntrypoint" && Object.hasOwn(eventTriggers, name)) return eventTriggers[name as keyof typeof eventTriggers](args[0])
  if (kind === "DurableObject" && name === "alarm") {
    const { retryCount } = (args[0] ?? {}) as { retryCount?: number }
    return {
      operationName: `${className} alarm`,
      kind: "server",
      tags: { "faas.trigger": "timer", "cloudflare.alarm.retry_count": retryCount },
    }
  }
  if (kind === "DurableObject" && name.startsWith("webSocket")) {
    return { operationName: `${className} ${name}`, kind: "consumer", tags: { "faas.trigger": "other", ...messageTags(args[1]) } }
  }
  // OpenTelemetry, "RPC server".
  return {
    operationName: `${className}/${name}`,
    kind: "server",
    carrier,
    tags: { "faas.trigger": "other", "rpc.system.name": "cloudflare", "rpc.method": `${className}/${name}` },
  }
}

function messageTags(message: unknown): Record<string, unknown> {
  if (typeof message === "string") return { "messaging.message.body.size": message.length }
  return message instanceof ArrayBuffer ? { "messaging.message.body.size": message.byteLength } : {}
}
