import type { WaitUntil } from "./invocation.ts"

/** What a platform passes to keep an invocation alive after its answer. */
export interface Followable {
  waitUntil(task: unknown): void
}

export function isContext(value: unknown): value is Followable {
  return value !== null && typeof value === "object" && typeof (value as Partial<Followable>).waitUntil === "function"
}

/** Vercel keeps the context of a request here, for `waitUntil` of @vercel/functions. */
const VERCEL = Symbol.for("@vercel/request-context")

interface VercelGlobal {
  [VERCEL]?: { get?(): Partial<Followable> | undefined }
}

/** The platform's own `waitUntil`. Where there is none, the process lives on by itself. */
export function waitUntilOf(context: Followable | undefined): WaitUntil {
  const owner = context ?? (globalThis as VercelGlobal)[VERCEL]?.get?.()
  const waitUntil = owner?.waitUntil
  return typeof waitUntil === "function" ? (task) => Reflect.apply(waitUntil, owner, [task]) : () => {}
}

/**
 * Sees the tasks that the user gives to `waitUntil`. The context stays the runtime's own object, with one property more: a
 * proxy or a copy would be no context for the runtime's other functions.
 */
export function followTasks(context: Followable | undefined, invocation: { follow(task: Promise<unknown>): void }): void {
  if (context === undefined) return
  const native = context.waitUntil
  const waitUntil = {
    waitUntil(this: unknown, task: unknown): void {
      // A thenable is followed as the promise that we make of it, or it would run twice.
      const promise = isThenable(task) ? Promise.resolve(task) : undefined
      Reflect.apply(native, this, [promise ?? task])
      if (promise !== undefined) invocation.follow(promise)
    },
  }.waitUntil
  Object.defineProperty(context, "waitUntil", { value: waitUntil, writable: true, configurable: true, enumerable: false })
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null && (typeof value === "object" || typeof value === "function") && typeof (value as { then?: unknown }).then === "function"
  )
}
