import type { Integration } from "../../core/contracts.ts"
import { traceFor } from "../../core/trace.ts"
import { describeRequest } from "../../integrations/_http.ts"
import type { EdgeTracer } from "./edge-tracer.ts"
import { state } from "./state.ts"

export type FetchArguments = readonly [input?: unknown, init?: { readonly method?: string; readonly headers?: unknown }]

/**
 * Traces `fetch` where no runtime publishes its requests: by standing in front of it. The span ends when the headers of the
 * answer are here; its body belongs to the caller, and following it would cost every answer its own length.
 */
export const fetchIntegration: Integration<FetchArguments, Response> = {
  name: "fetch",

  watch(trace) {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, "fetch") as PropertyDescriptor
    const native = globalThis.fetch as (...args: unknown[]) => Promise<Response>
    const traced = {
      fetch(this: unknown, ...args: unknown[]): Promise<Response> {
        return trace(args as unknown as FetchArguments, ({ headers }) => Reflect.apply(native, this, carryHeaders(args, headers)))
      },
    }.fetch
    Object.defineProperty(traced, "length", { value: native.length, configurable: true })
    Object.defineProperty(globalThis, "fetch", { ...descriptor, value: traced })
    return () => void Object.defineProperty(globalThis, "fetch", descriptor)
  },

  describe: describeFetch,
  tagsOf: ({ status }) => ({
    "http.response.status_code": status,
    ...(status >= 400 && { error: true, "error.type": String(status) }),
  }),
}

/** Watches the global `fetch`, once in an isolate. */
export function watchFetch(): void {
  if (state.watching) return
  state.watching = true
  try {
    fetchIntegration.watch(traceFor(state.scopeManager, fetchIntegration, state.report))
  } catch (error) {
    state.report("instrumentation", `calls of fetch are not traced: ${String(error)}.`)
  }
}

export function describeFetch([input, init]: FetchArguments): ReturnType<typeof describeRequest> {
  const request = input instanceof Request ? input : undefined
  const [, scheme = "http:", authority = "", target = ""] = /^(\w+:)\/\/([^/?#]*)([^#]*)/.exec(request?.url ?? String(input)) ?? []
  return describeRequest({ method: String(init?.method ?? request?.method ?? "GET").toUpperCase(), scheme, authority, target })
}

/** Adds our headers to a call of `fetch`, unless the caller has set one of them or the host is none of ours. Touches nothing of the caller's. */
export function carryHeaders(args: readonly unknown[], ours: Readonly<Record<string, string>>): readonly unknown[] {
  const names = Object.keys(ours)
  if (names.length === 0) return args
  const [input, init, ...more] = args as [unknown, { readonly headers?: unknown } | undefined, ...unknown[]]
  const request = input instanceof Request ? input : undefined
  const { propagateTo } = (state.scopeManager.active?.span.tracer() as EdgeTracer | undefined)?.policy ?? {}
  if (propagateTo !== undefined && !propagateTo(request?.url ?? String(input))) return args
  const given = init?.headers ?? request?.headers
  if (given === undefined || given === null) return [input, { ...init, headers: ours }, ...more]
  const headers = new Headers(given as Headers)
  if (names.some((name) => headers.has(name))) return args
  for (const name of names) headers.set(name, ours[name] as string)
  return [input, { ...init, headers }, ...more]
}
