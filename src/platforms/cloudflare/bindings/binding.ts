import type { Description, SpanKind, Tags } from "../../../core/contracts.ts"
import type { EdgePolicy, EdgeTracer } from "../../edge/edge-tracer.ts"
import { replace } from "../../edge/replace.ts"
import { state } from "../../edge/state.ts"
import { type Meaning, traceCall } from "../../edge/trace-call.ts"

/** One call of a binding. */
export interface BindingCall {
  readonly method: string
  readonly args: readonly unknown[]
  readonly self: object
  /** The name that the user's configuration gives the binding. */
  readonly binding: string
}

export type Headers = Readonly<Record<string, string>>

/**
 * Teaches the tracer about one kind of binding. Nothing is wrapped: the methods are replaced on the prototype that all
 * bindings of the kind share, so a binding stays the runtime's own object for `this`, `bind`, JSON, RPC and `cloudflare:workers`,
 * and a method that nobody here knows is untouched.
 */
export interface Binding extends Meaning<BindingCall>, Partial<Source> {
  /** Names of its class: the runtime's, and that of its local stand-in. */
  readonly classNames: readonly string[]
  readonly methods: readonly string[]
  /** For a class of which the program makes objects that have no name. */
  readonly anonymous?: string
  /** Other arguments to call with, for a binding that can carry the trace. */
  carry?(call: BindingCall, headers: () => Headers, policy: EdgePolicy): readonly unknown[]
}

/** A binding that makes others: to get one is no call, what is called on it is. */
export interface Source {
  readonly classNames: readonly string[]
  /** Finds more to watch in a binding that was met for the first time. */
  adopt(binding: object, name: string): void
}

/** A binding calls its own public methods, and those of another one: all that is one call. */
let inside = false

/** Replaces the methods on a prototype, once. */
export function patch(prototype: object, binding: Binding): void {
  if (state.patched.has(prototype)) return
  state.patched.add(prototype)
  for (const method of binding.methods) {
    replace(
      prototype,
      method,
      (native) =>
        function (this: object, ...args: unknown[]): unknown {
          const name = inside ? undefined : (nameOf(this) ?? binding.anonymous)
          if (name === undefined || state.scopeManager.active === null) return Reflect.apply(native, this, args)
          const call: BindingCall = { method, args, self: this, binding: name }
          return traceCall(binding, call, (headers) => {
            const sent = binding.carry?.(call, headers, activePolicy()) ?? args
            inside = true
            try {
              return Reflect.apply(native, this, sent)
            } finally {
              inside = false
            }
          })
        },
    )
  }
}

/** Tells `made` of each object that the method makes of a binding that has a name. */
export function watchMade(prototype: object, method: string, made: (made: object, name: string) => void): void {
  replace(
    prototype,
    method,
    (native) =>
      function (this: object, ...args: unknown[]): unknown {
        const result: unknown = Reflect.apply(native, this, args)
        const name = nameOf(this)
        if (name !== undefined && result !== null && typeof result === "object") made(result, name)
        return result
      },
  )
}

export function activePolicy(): EdgePolicy {
  return (state.scopeManager.active?.span.tracer() as EdgeTracer | undefined)?.policy ?? {}
}

function nameOf(self: unknown): string | undefined {
  return self !== null && typeof self === "object" ? state.names.get(self) : undefined
}

export function describe(type: string, { method, binding }: BindingCall, tags: Tags = {}, kind: SpanKind = "client"): Description {
  return {
    operationName: `${method} ${binding}`,
    kind,
    tags: { "cloudflare.binding.type": type, "cloudflare.binding.name": binding, "cloudflare.operation": method, ...tags },
  }
}

/** OpenTelemetry, "Database client": for bindings that store. */
export function database(system: string, call: BindingCall, tags: Tags = {}): Description {
  const { method, binding } = call
  return describe(system.replace("cloudflare_", ""), call, {
    "db.system.name": system,
    "db.operation.name": method,
    "db.namespace": binding,
    ...tags,
  })
}

/** A key, or several. */
export function keyTag(value: unknown): unknown {
  return typeof value === "string" || Array.isArray(value) ? value : undefined
}
