/** Cloudflare's runtime. Its clock stands still between I/O, and tells whole milliseconds. */
export const isWorkerd: boolean = "WebSocketPair" in globalThis

const KEY = Symbol.for("antifreeze.native-fetch.v1")

/** `fetch` as the runtime made it, whichever copy of this package has replaced it: deliveries use it, so that they are never traced. */
export const nativeFetch: typeof fetch = ((globalThis as { [KEY]?: typeof fetch })[KEY] ??= globalThis.fetch)
