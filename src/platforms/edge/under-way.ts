type Ask = () => unknown

const KEY = Symbol.for("antifreeze.edge-under-way.v1")

/** Each tells whether it traces the invocation that is under way: every copy of this package in the isolate, of the small entry too. */
const asked: Ask[] = ((globalThis as { [KEY]?: Ask[] })[KEY] ??= [])

export function tellsUnderWay(ask: Ask): void {
  asked.push(ask)
}

/** Whether the invocation has a root span already, whichever copy has made it. */
export function isUnderWay(): boolean {
  return asked.some((ask) => ask())
}
