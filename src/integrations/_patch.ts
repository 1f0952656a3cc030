import type { Integration, Trace } from "../core/contracts.ts"

/** Everything that has been loaded and must be patched, and whoever wants to know: one for the process, whichever copy of us is asked. */
interface Registry {
  readonly loaded: Map<string, Set<WeakRef<object>>>
  readonly watchers: Map<string, Set<(target: object) => void>>
  /** Integrations that came with their library. `take` is set once somebody watches. */
  readonly offered: Set<AnyIntegration>
  take: ((integration: AnyIntegration) => void) | undefined
}

// biome-ignore lint/suspicious/noExplicitAny: of any library.
export type AnyIntegration = Integration<any, any>

const KEY = Symbol.for("antifreeze.loaded.v1")
const registry: Registry = ((globalThis as { [KEY]?: Registry })[KEY] ??= {
  loaded: new Map(),
  watchers: new Map(),
  offered: new Set(),
  take: undefined,
})

/**
 * The `traced` of a library: hands a client, a class or a module to its integration, and gives it back. Code that was added
 * to the library's own files calls it, in a bundle and in the layer; so may anybody.
 */
export function tracedBy(integration: AnyIntegration): <T extends object>(target: T) => T {
  return (target) => {
    const { loaded, watchers } = registry
    const targets = loaded.get(integration.name) ?? new Set()
    if (alive(targets).includes(target)) return target
    loaded.set(integration.name, targets.add(new WeakRef(target)))
    offer(integration)
    for (const watcher of watchers.get(integration.name) ?? []) watcher(target)
    return target
  }
}

/** What somebody else still holds: clients may be made for each invocation, and must not pile up here. */
function alive<T extends object>(refs: Set<WeakRef<T>>): T[] {
  return [...refs].flatMap((ref) => {
    const object = ref.deref()
    if (object === undefined) refs.delete(ref)
    return object ?? []
  })
}

/** Makes an integration known that comes with its library, rather than with us. */
export function offer(integration: AnyIntegration): void {
  if (registry.offered.has(integration)) return
  registry.offered.add(integration)
  registry.take?.(integration)
}

/** Watches integrations that come with their library, now and later. */
export function takeOffered(take: (integration: AnyIntegration) => void): void {
  registry.take = take
  for (const integration of registry.offered) take(integration)
}

/** Undoes one patch. Lives as long as the method that it takes away. */
type Undo = () => void

/** Patches whatever is handed to `traced`, before or from now on, and what `patch` itself comes across; returns undo. */
export function whenLoaded(name: string, patch: (target: object, found: (target: object) => void) => readonly Undo[]): () => void {
  const undos = new Set<WeakRef<Undo>>()
  const watcher = (target: object) => {
    // Forgets those that are gone.
    alive(undos)
    for (const undo of patch(target, watcher)) undos.add(new WeakRef(undo))
  }
  const watchers = registry.watchers.get(name) ?? new Set()
  registry.watchers.set(name, watchers.add(watcher))
  for (const target of alive(registry.loaded.get(name) ?? new Set<WeakRef<object>>())) watcher(target)
  return () => {
    watchers.delete(watcher)
    for (const undo of alive(undos).toReversed()) undo()
  }
}

// biome-ignore lint/suspicious/noExplicitAny: of any library.
export type Method = (this: any, ...args: any[]) => any

const PATCHED = Symbol.for("antifreeze.patched")

/**
 * Replaces a method of `owner` or of what it inherits from, once, keeping its descriptor and its looks. Undo leaves alone what
 * somebody else has replaced since: from then on ours just passes through.
 */
export function patchMethod(owner: object | undefined, name: string, wrap: (original: Method) => Method): readonly Undo[] {
  let holder: object | null | undefined = owner
  while (holder && !Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder)
  const descriptor = holder ? Object.getOwnPropertyDescriptor(holder, name) : undefined
  const original = descriptor?.value as Method | undefined
  if (!holder || typeof original !== "function" || PATCHED in original) return []
  const wrapped = wrap(original)
  let isOn = true
  const value: Method = function (...args) {
    return Reflect.apply(isOn ? wrapped : original, this, args)
  }
  for (const key of Reflect.ownKeys(original)) Object.defineProperty(value, key, Object.getOwnPropertyDescriptor(original, key) ?? {})
  const place = holder
  const undo = () => {
    isOn = false
    if ((place as Record<string, unknown>)[name] === value) Object.defineProperty(place, name, descriptor ?? {})
  }
  Object.defineProperty(value, PATCHED, { value: undo })
  Object.defineProperty(holder, name, { ...descriptor, value })
  return [undo]
}

/** A callback that runs in the scope of whoever gave it, not of whoever was first to use the connection. */
export function inCallersScope<Callback extends Method>(callback: Callback, { capture }: Pick<Trace<never>, "capture">): Callback {
  const resume = capture?.()
  if (resume === undefined) return callback
  return function (this: unknown, ...args: unknown[]) {
    return resume(() => Reflect.apply(callback, this, args))
  } as Callback
}
