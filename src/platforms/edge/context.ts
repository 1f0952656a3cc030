import { elsewhere, isWorkerd } from "./runtime.ts"

/** Keeps the invocation alive until the promise has settled: the runtime's own, never one that we have put in its place. */
export type WaitUntil = (task: Promise<unknown>) => void

/** What a platform passes to keep an invocation alive after its answer. */
export interface Followable {
  waitUntil(task: unknown): void
}

export function isContext(value: unknown): value is Followable {
  return value !== null && typeof value === "object" && typeof (value as Partial<Followable>).waitUntil === "function"
}

/** What ties an invocation to its platform. */
export interface Tie {
  /** The platform's own. Where there is none, the process lives on by itself. */
  readonly waitUntil: WaitUntil
  /**
   * When all is delivered: lets go of the platform's context, and gives what is left. Whoever remembers a scope would hold it
   * else, and workerd frees such objects, and those with a property more, by full collections only: half of the cost of a request.
   */
  release: () => Tie
}

/** A name that no bundler resolves, and no minifier writes out: elsewhere there is no such module. */
const MODULE = ["cloudflare", "workers"].join(":")

/** workerd's `waitUntil` of whichever invocation is under way. */
let ambient: Tie | undefined

if (isWorkerd) {
  void import(MODULE).then(
    ({ waitUntil }: { waitUntil?: WaitUntil }) => {
      const tie: Tie | undefined = waitUntil && { waitUntil, release: () => tie as Tie }
      ambient = tie
    },
    () => {},
  )
}

export function tieTo(context: Followable | undefined): Tie {
  const owner = context ?? elsewhere.context?.()
  const waitUntil = owner?.waitUntil
  const tie: Tie = {
    waitUntil: typeof waitUntil === "function" ? (task) => Reflect.apply(waitUntil, owner, [task]) : () => {},
    release: () => ambient ?? tie,
  }
  return tie
}

/**
 * Sees the tasks that the user gives to `waitUntil`. The context stays the runtime's own object, with one property more until
 * all is delivered: a proxy or a copy would be no context for the runtime's other functions.
 */
export function followTasks(context: Followable | undefined, tie: Tie, invocation: { follow(task: Promise<unknown>): void }): void {
  if (context === undefined) return
  const native = context.waitUntil
  const isInherited = !Object.hasOwn(context, "waitUntil")
  const { waitUntil } = {
    waitUntil(this: unknown, task: unknown): void {
      // A thenable is followed as the promise that we make of it, or it would run twice.
      const promise = isThenable(task) ? Promise.resolve(task) : undefined
      Reflect.apply(native, this, [promise ?? task])
      if (promise !== undefined) invocation.follow(promise)
    },
  }
  Object.defineProperty(context, "waitUntil", { value: waitUntil, writable: true, configurable: true, enumerable: false })
  const { release } = tie
  tie.release = () => {
    if (isInherited && context.waitUntil === waitUntil) Reflect.deleteProperty(context, "waitUntil")
    return release()
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null && (typeof value === "object" || typeof value === "function") && typeof (value as { then?: unknown }).then === "function"
  )
}
