import type { Tags, Trigger } from "../../core/contracts.ts"
import { followBody } from "./body.ts"
import type { Tie } from "./context.ts"
import { responseTags } from "./request-trigger.ts"

/** What is to be told of an invocation. */
export interface Life {
  run<T>(call: () => T): T
  end(tags?: Tags, failure?: { readonly error: unknown }): void
  checkpoint(): void
}

/** How long a body alone keeps the invocation alive; Cloudflare would end it, with a warning, after 30 seconds. */
const BODY_MS = 20_000

const DISCONNECTED: Tags = { "antifreeze.disconnected": true }

/** workerd fires `request.signal` with this flag only. */
const hasSignal: boolean =
  (globalThis as { Cloudflare?: { compatibilityFlags?: Record<string, boolean> } }).Cloudflare?.compatibilityFlags?.[
    "enable_request_signal"
  ] === true

/** Runs the handler, and sees its answer to a request to the end. */
export function answer(invocation: Life, tagsOf: Trigger["tagsOf"], request: Request | undefined, tie: Tie, call: () => unknown): unknown {
  const returned = (value: unknown) => {
    const followed = request && value instanceof Response ? follow(value, request, invocation, tie) : undefined
    if (followed === undefined) invocation.end(tagsOf?.(value))
    return followed ?? value
  }
  const threw = (error: unknown): never => {
    invocation.end(tagsOf?.(undefined), { error })
    throw error
  }
  let value: unknown
  try {
    value = invocation.run(call)
  } catch (error) {
    return threw(error)
  }
  // The platform would wait for any answer that is a thenable; so do we, once. What RPC gives has to stay what it is.
  const isAwaited = request ? typeof (value as { then?: unknown } | undefined)?.then === "function" : value instanceof Promise
  return isAwaited ? Promise.resolve(value).then(returned, threw) : returned(value)
}

/** The root span ends with the body: when it is complete, fails, or has lost its reader. */
function follow(response: Response, request: Request, invocation: Life, tie: Tie): Response | undefined {
  try {
    const followed = followBody(response, request)
    if (followed === undefined) return undefined
    const tags = responseTags(response)
    const { ended } = followed
    ended.then(
      () => invocation.end(tags),
      (error: unknown) => (isDisconnect(error) ? invocation.end({ ...tags, ...DISCONNECTED }) : invocation.end(tags, { error })),
    )
    // A reader that goes away takes the whole invocation with it, unless something waits.
    tie.waitUntil(stayFor(ended, () => invocation.checkpoint()))
    return followed.response
  } catch {
    // The answer goes out as it is.
    return undefined
  }
}

function stayFor(ended: Promise<void>, tooLong: () => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      tooLong()
      resolve()
    }, BODY_MS)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    ended.then(done, done)
  })
}

function isDisconnect(error: unknown): boolean {
  const { name, message } = (error ?? {}) as Partial<Error>
  return name === "AbortError" || message === "Network connection lost."
}

/** Ends the invocation of a client that leaves before its answer. */
export function endOnDisconnect(request: Request, invocation: Life): void {
  if (!hasSignal) return
  request.signal.addEventListener("abort", () => invocation.end(DISCONNECTED), { once: true })
}
