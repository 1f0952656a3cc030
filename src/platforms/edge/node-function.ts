import type { Trigger } from "../../core/contracts.ts"
import type { Tie } from "./context.ts"
import { watchFetch } from "./global-fetch.ts"
import { type Invocation, openInvocation } from "./invocation.ts"
import { requestTrigger, responseTags } from "./request-trigger.ts"
import { state } from "./state.ts"
import type { TracerFor } from "./tracer-source.ts"
import { isUnderWay } from "./under-way.ts"

/** The part of Node's request and response that matters here; Express, Vercel and Google's framework add to them. */
export interface NodeRequest {
  readonly method?: string
  readonly url?: string
  readonly originalUrl?: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface NodeResponse {
  readonly statusCode: number
  end(...args: unknown[]): unknown
  once(event: "close", listener: () => void): unknown
}

export function isNodeResponse(value: unknown): value is NodeResponse {
  const { end, setHeader, once } = (value ?? {}) as Partial<Record<"end" | "setHeader" | "once", unknown>>
  return typeof end === "function" && typeof setHeader === "function" && typeof once === "function"
}

/**
 * Traces a `(request, response)` function of Google Cloud Functions or Vercel. Where nothing like `waitUntil` is promised, the
 * processor is taken away with the end of the answer: so the spans go out first, within the exporter's bound, and then the end.
 */
export function traceNodeFunction(tracerFor: TracerFor, request: NodeRequest, response: NodeResponse, call: () => unknown): unknown {
  const deliveries: Promise<unknown>[] = []
  let invocation: Invocation | undefined
  try {
    const tracer = isUnderWay() ? undefined : tracerFor(undefined)
    if (tracer === undefined) return call()
    watchFetch()
    const tie: Tie = { waitUntil: (task) => void deliveries.push(task), release: () => tie }
    const opened = openInvocation({ tracer, trigger: nodeTrigger(request), tie }, request)
    invocation = opened
    deliverBeforeEnd(response, opened, deliveries)
    response.once("close", () => opened.end({ ...responseTags({ status: response.statusCode }), "antifreeze.disconnected": true }))
  } catch (error) {
    state.report("invocation", `this invocation is not traced: ${String(error)}.`)
  }
  return invocation === undefined ? call() : run(invocation, call)
}

function deliverBeforeEnd(response: NodeResponse, invocation: Invocation, deliveries: readonly Promise<unknown>[]): void {
  const { end } = response
  let ended = false
  response.end = (...args: unknown[]) => {
    if (ended) return Reflect.apply(end, response, args)
    ended = true
    invocation.end(responseTags({ status: response.statusCode }))
    const finish = () => Reflect.apply(end, response, args)
    if (deliveries.length === 0) return finish()
    void Promise.allSettled(deliveries).then(finish)
    return response
  }
}

/** The error goes on to the framework, which answers; its status ends the span. */
function run(invocation: Invocation, call: () => unknown): unknown {
  const threw = (error: unknown): never => {
    invocation.root.fail(error)
    throw error
  }
  try {
    const value = invocation.run(call)
    return value instanceof Promise ? value.catch(threw) : value
  } catch (error) {
    return threw(error)
  }
}

function nodeTrigger({ method = "GET", url, originalUrl, headers }: NodeRequest): Trigger {
  const one = (name: string) => [headers[name]].flat()[0] ?? null
  const scheme = one("x-forwarded-proto") ?? "http"
  const address = `${scheme}://${one("host") ?? "localhost"}${originalUrl ?? url ?? "/"}`
  const trigger = requestTrigger({ method, url: address, headers: { get: one } } as unknown as Request)
  return { ...trigger, carrier: headers }
}
