/** Told of a mistake of ours that was kept away from the function. */
export type Report = (mistake: unknown) => void

export const ignore: Report = () => {}

/** Listens to a diagnostics channel; returns undo. Costs nothing where nobody publishes, and loads no library. */
export function subscribe<Message>(channel: string, listener: (message: Message) => void, report: Report): () => void {
  // Not a static import: the bundle must also load where the module is missing, and a require or import is one more thing to resolve.
  const { subscribe, unsubscribe } = process.getBuiltinModule("node:diagnostics_channel")
  const guarded = guard(listener as (message: unknown) => void, report)
  subscribe(channel, guarded)
  if (missed?.channel === channel) guarded(missed.message)
  return () => void unsubscribe(channel, guarded)
}

let missed: { readonly channel: string; readonly message: unknown } | undefined

/** Whoever begins to listen to `channel` in `begin` also gets the message that is being published: it is why they were called. */
export function awakened(channel: string, message: unknown, begin: () => void): void {
  const before = missed
  missed = { channel, message }
  try {
    begin()
  } finally {
    missed = before
  }
}

/** A listener that never throws: diagnostics_channel and emitters would make an uncaughtException of it, the end of the process. */
export function guard<Args extends unknown[]>(listener: (...args: Args) => void, report: Report): (...args: Args) => void {
  return (...args) => {
    try {
      listener(...args)
    } catch (mistake) {
      try {
        report(mistake)
      } catch {
        // Nowhere left to say it.
      }
    }
  }
}

/** Undoes in reverse order. */
export function undoAll(undos: readonly (() => void)[]): () => void {
  return () => {
    for (const undo of undos.toReversed()) undo()
  }
}
