import type { Tags } from "../../core/contracts.ts"
import { followBody } from "./body.ts"
import { type Followable, followTasks, waitUntilOf } from "./context.ts"
import { watchFetch } from "./global-fetch.ts"
import { type Invocation, openInvocation, type WaitUntil } from "./invocation.ts"
import { requestTrigger, responseTags } from "./request-trigger.ts"
import { state } from "./state.ts"
import type { TracerFor } from "./tracer-source.ts"

/** How long a body alone keeps the invocation alive; Cloudflare would end it, with a warning, after 30 seconds. */
const BODY_MS = 20_000

const DISCONNECTED: Tags = { "antifreeze.disconnected": true }

/** workerd fires `request.signal` with this flag only. */
const hasSignal: boolean =
  (globalThis as { Cloudflare?: { compatibilityFlags?: Record<string, boolean> } }).Cloudflare?.compatibilityFlags?.[
    "enable_request_signal"
  ] === true

/** Runs one call of a fetch handler, traced unless tracing is off, another wrapper does it already, or something of ours fails. */
export function traceFetch(
  tracerFor: TracerFor,
  request: Request,
  env: unknown,
  context: Followable | undefined,
  call: () => unknown,
  ownContext = true,
): unknown {
  let invocation: Invocation | undefined
  const waitUntil = waitUntilOf(context)
  try {
    const tracer = state.scopeManager.active === null ? tracerFor(env) : undefined
    if (tracer === undefined) return call()
    watchFetch()
    invocation = openInvocation({ tracer, trigger: requestTrigger(request), waitUntil }, request, ownContext ? context : undefined)
    if (ownContext) followTasks(context, invocation)
    if (hasSignal) endOnDisconnect(request, invocation)
  } catch (error) {
    state.report("invocation", `this invocation is not traced: ${String(error)}.`)
  }
  return invocation === undefined ? call() : answer(invocation, request.method, waitUntil, call)
}

function answer(invocation: Invocation, method: string, waitUntil: WaitUntil, call: () => unknown): unknown {
  const returned = (value: unknown) => {
    const followed = value instanceof Response ? follow(value, method, invocation, waitUntil) : undefined
    if (followed === undefined) invocation.end(responseTags(value))
    return followed ?? value
  }
  const threw = (error: unknown): never => {
    invocation.end(undefined, { error })
    throw error
  }
  let value: unknown
  try {
    value = invocation.run(call)
  } catch (error) {
    return threw(error)
  }
  // The platform would wait for any thenable; so do we, once.
  if (typeof (value as { then?: unknown } | undefined)?.then === "function") return Promise.resolve(value).then(returned, threw)
  return returned(value)
}

/** The root span ends with the body: when it is complete, fails, or has lost its reader. */
function follow(response: Response, method: string, invocation: Invocation, waitUntil: WaitUntil): Response | undefined {
  try {
    const followed = followBody(response, method)
    if (followed === undefined) return undefined
    const tags = responseTags(response)
    const { ended } = followed
    ended.then(
      () => invocation.end(tags),
      (error: unknown) => (isDisconnect(error) ? invocation.end({ ...tags, ...DISCONNECTED }) : invocation.end(tags, { error })),
    )
    // A reader that goes away takes the whole invocation with it, unless something waits.
    waitUntil(stayFor(ended, () => invocation.checkpoint()))
    return followed.response
  } catch (error) {
    state.report("invocation", `the body of an answer is not followed: ${String(error)}.`)
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

function endOnDisconnect(request: Request, invocation: Invocation): void {
  request.signal.addEventListener("abort", () => invocation.end(DISCONNECTED), { once: true })
}
