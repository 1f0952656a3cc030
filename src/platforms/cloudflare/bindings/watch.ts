import { state } from "../../edge/state.ts"
import { type Binding, patch, type Source } from "./binding.ts"
import { d1 } from "./d1.ts"
import { dispatcher, namespace } from "./durable-objects.ts"
import { adoptStub } from "./fetchers.ts"
import { queue } from "./queues.ts"
import { services } from "./services.ts"
import { cache, kv, r2 } from "./stores.ts"

const byClass = new Map<string, Binding | Source>()
for (const binding of [kv, r2, d1, queue, namespace, dispatcher, ...services])
  for (const name of binding.classNames) byClass.set(name, binding)

/** Watches the bindings of an environment, and the Cache API. Once for each environment that the runtime makes. */
export function watchBindings(env: unknown): void {
  if (env === null || typeof env !== "object" || state.patched.has(env)) return
  state.patched.add(env)
  watchCache()
  for (const [name, binding] of Object.entries(env)) {
    if (binding === null || typeof binding !== "object") continue
    try {
      watchBinding(binding, name)
    } catch (error) {
      state.report("instrumentation", `calls of ${name} are not traced: ${String(error)}.`)
    }
  }
}

function watchBinding(binding: object, name: string): void {
  const prototype = Object.getPrototypeOf(binding) as object | null
  const className = prototype?.constructor?.name ?? ""
  if (className === "Fetcher") return adoptStub(binding, name)
  const known = byClass.get(className)
  if (known === undefined || prototype === null) return
  state.names.set(binding, name)
  known.adopt?.(binding, name)
  if ("methods" in known) patch(prototype, known)
}

function watchCache(): void {
  const { Cache, caches } = globalThis as unknown as {
    Cache?: { prototype: object }
    caches?: { default?: object; open(name: string): Promise<object> }
  }
  if (Cache === undefined || caches === undefined) return
  if (caches.default !== undefined) state.names.set(caches.default, "default")
  patch(Cache.prototype, cache)
}
