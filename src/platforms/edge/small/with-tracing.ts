import type { Exporter } from "../../../core/contracts.ts"
import { VERSION } from "../../../version.ts"
import { answer, endOnDisconnect } from "../answer.ts"
import { followTasks, isContext, tieTo } from "../context.ts"
import { prepareElsewhere } from "../elsewhere.ts"
import { createExporter } from "../exporter.ts"
import { answerTags, carryHeaders, describeFetch, type FetchArguments } from "../fetch-call.ts"
import { replaceFetch } from "../replace.ts"
import { requestTrigger, responseTags } from "../request-trigger.ts"
import { isUnderWay } from "../under-way.ts"
import { readVariables } from "../variables.ts"
import { headersOf, openInvocation, type SmallInvocation, scopes } from "./invocation.ts"
import { addTags, fail } from "./span.ts"

export interface SmallOptions {
  /** Base URL of an OTLP/HTTP endpoint; `/v1/traces` is added (`OTEL_EXPORTER_OTLP_ENDPOINT`). */
  readonly endpoint?: string
  /** Headers for the endpoint (`OTEL_EXPORTER_OTLP_HEADERS`). */
  readonly headers?: Readonly<Record<string, string>>
  /** `OTEL_SERVICE_NAME` */
  readonly serviceName?: string
  /** Longest wait for the endpoint, in milliseconds (`OTEL_EXPORTER_OTLP_TIMEOUT`; default 5,000). */
  readonly timeoutMs?: number
  /** Share of new traces that are recorded, 0 to 1 (default 1). A parent's decision is kept. */
  readonly sampleRate?: number
}

prepareElsewhere()

// biome-ignore lint/suspicious/noExplicitAny: a handler may take anything; nothing narrower accepts all.
type FetchFunction = (...args: any[]) => any

/**
 * Traces a fetch handler, and the `fetch` calls that it makes, in as few bytes as that takes. Takes `(request, …) => Response`
 * or an object with such a `fetch`; everything else of it is untouched. Trace context is W3C, delivery OTLP over HTTP.
 */
export function withTracing<H extends FetchFunction | { fetch?: FetchFunction }>(handler: H, options: SmallOptions = {}): H {
  const trace = tracing(options)
  if (typeof handler === "function") {
    const traced = function (this: unknown, ...args: unknown[]): unknown {
      return trace(args, () => Reflect.apply(handler, this, args))
    }
    return Object.defineProperties(traced, Object.getOwnPropertyDescriptors(handler)) as unknown as H
  }
  const { fetch } = handler
  if (typeof fetch !== "function") return handler
  const value = function (this: unknown, ...args: unknown[]): unknown {
    return trace(args, () => Reflect.apply(fetch, this === wrapped ? handler : this, args))
  }
  const wrapped: H = Object.create(handler, { fetch: { value, enumerable: true, configurable: true, writable: true } })
  return wrapped
}

function tracing(options: SmallOptions): (args: readonly unknown[], call: () => unknown) => unknown {
  let exporter: Exporter | undefined
  return ([request, ...more], call) => {
    let invocation: SmallInvocation
    const context = more.find(isContext)
    const tie = tieTo(context)
    try {
      exporter ??= exporterFor(options, more[0] === context ? undefined : more[0])
      if (exporter === undefined || isUnderWay()) return call()
      watchFetch()
      invocation = openInvocation(requestTrigger(request as Request), exporter, tie, Math.random() < (options.sampleRate ?? 1))
      followTasks(context, tie, invocation)
      endOnDisconnect(request as Request, invocation)
    } catch (error) {
      console.warn(`[antifreeze] this invocation is not traced: ${String(error)}.`)
      return call()
    }
    return answer(invocation, responseTags, request as Request, tie, call)
  }
}

function exporterFor(options: SmallOptions, env: unknown): Exporter | undefined {
  const { process } = globalThis as { process?: { env?: object } }
  const variables = readVariables((env ?? process?.env ?? {}) as Record<string, string>)
  const url = options.endpoint ? `${options.endpoint.replace(/\/+$/, "")}/v1/traces` : variables.endpoint
  if (url === undefined || variables.disabled) return undefined
  const resource = new Map([
    ...(variables.resource ?? []),
    ["service.name", options.serviceName ?? variables.serviceName ?? "unknown_service"],
    ["telemetry.sdk.name", "antifreeze"],
    ["telemetry.sdk.version", VERSION],
  ])
  return createExporter({
    url,
    headers: { ...variables.headers, ...options.headers },
    resource,
    timeoutMs: options.timeoutMs ?? variables.timeoutMs ?? 5_000,
    maxKept: 1_000,
    report: warn,
  })
}

let warned = false

/** The first trouble tells the story. */
function warn(_code: string, message: string): void {
  if (!warned) console.warn(`[antifreeze] ${message}`)
  warned = true
}

let watching = false

function watchFetch(): void {
  if (watching) return
  watching = true
  replaceFetch(
    (native) =>
      function (this: object, ...args: unknown[]): unknown {
        const active = scopes.getStore()
        if (active === undefined) return Reflect.apply(native, this, args)
        const { invocation } = active
        const { operationName, kind, tags } = describeFetch(args as unknown as FetchArguments)
        const span = invocation.start(operationName, kind, tags)
        return (
          Reflect.apply(
            native,
            this,
            carryHeaders(args, () => headersOf(span)),
          ) as Promise<Response>
        ).then(
          (response) => {
            addTags(span, answerTags(response))
            invocation.finished(span)
            return response
          },
          (error: unknown) => {
            fail(span, error)
            invocation.finished(span)
            throw error
          },
        )
      },
  )
}
