import type { Followed } from "./body.ts"
import type { Followable } from "./context.ts"

/** Cloudflare's runtime. Its clock stands still between I/O, and tells whole milliseconds. */
export const isWorkerd: boolean = "WebSocketPair" in globalThis

const KEY = Symbol.for("antifreeze.native-fetch.v1")

/** `fetch` as the runtime made it, whichever copy of this package has replaced it: deliveries use it, so that they are never traced. */
export const nativeFetch: typeof fetch = ((globalThis as { [KEY]?: typeof fetch })[KEY] ??= globalThis.fetch)

/** What other runtimes than workerd need: set by the entries for them, so that a Worker does not carry it. */
export const elsewhere: {
  /** Follows a stream to its end. */
  follow?: (response: Response, body: ReadableStream) => Followed | undefined
  /** The context of a request that the platform did not pass. */
  context?: () => Partial<Followable> | undefined
} = {}
