import type { EdgeTracer } from "./edge-tracer.ts"
import { answerTags, carryHeaders, describeFetch, type FetchArguments } from "./fetch-call.ts"
import { replaceFetch } from "./replace.ts"
import { state } from "./state.ts"
import { type Meaning, traceCall } from "./trace-call.ts"

const meaning: Meaning<FetchArguments, Response> = { name: "fetch", describe: describeFetch, tagsOf: answerTags }

/**
 * Traces `fetch`, once in an isolate. No runtime here publishes its requests, so it is done by standing in front of it. The span
 * ends when the headers of the answer are here; its body belongs to the caller, and following it would cost every answer its own
 * length.
 */
export function watchFetch(): void {
  if (state.watching) return
  state.watching = true
  replaceFetch(
    (native) =>
      function (this: object, ...args: unknown[]): unknown {
        return traceCall(meaning, args as unknown as FetchArguments, (headers) =>
          Reflect.apply(native, this, carryHeaders(args, headers, propagateTo())),
        )
      },
  )
}

function propagateTo(): ((url: string) => boolean) | undefined {
  return (state.scopeManager.active?.span.tracer() as EdgeTracer | undefined)?.policy?.propagateTo
}
