import type { Integration } from "../../core/contracts.ts"
import { traceFor } from "../../core/trace.ts"
import type { EdgeTracer } from "./edge-tracer.ts"
import { answerTags, carryHeaders, describeFetch, type FetchArguments } from "./fetch-call.ts"
import { state } from "./state.ts"

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
        return trace(args as unknown as FetchArguments, ({ headers }) =>
          Reflect.apply(native, this, carryHeaders(args, headers, propagateTo())),
        )
      },
    }.fetch
    Object.defineProperty(traced, "length", { value: native.length, configurable: true })
    Object.defineProperty(globalThis, "fetch", { ...descriptor, value: traced })
    return () => void Object.defineProperty(globalThis, "fetch", descriptor)
  },

  describe: describeFetch,
  tagsOf: answerTags,
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

function propagateTo(): ((url: string) => boolean) | undefined {
  return (state.scopeManager.active?.span.tracer() as EdgeTracer | undefined)?.policy?.propagateTo
}
