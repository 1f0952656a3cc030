import type { SpanRecord } from "../../core/contracts.ts"
import type { Tracer } from "../../core/tracer.ts"

/** How long finished spans may wait for company. */
const WAIT_MS = 200

/** Lambda Managed Instances run invocations concurrently, in worker threads that are never frozen, and refuse extensions that register for INVOKE. */
export function neverFreezes(): boolean {
  const { AWS_LAMBDA_MAX_CONCURRENCY, AWS_LAMBDA_INITIALIZATION_TYPE } = process.env
  return AWS_LAMBDA_MAX_CONCURRENCY !== undefined || AWS_LAMBDA_INITIALIZATION_TYPE === "lambda-managed-instances"
}

const waiting = new Map<Tracer, SpanRecord[]>()
let timer: NodeJS.Timeout | undefined

/**
 * Delivers the spans in the background, together with those of other invocations. No response waits for it, and what a
 * worker that is shut down may lose is what has finished in its last 200 ms.
 */
export function deliverSoon(
  tracer: Tracer,
  spans: readonly SpanRecord[],
  deliver: (tracer: Tracer, spans: SpanRecord[]) => Promise<void>,
): void {
  const batch = waiting.get(tracer) ?? []
  waiting.set(tracer, batch)
  const room = Math.max(0, tracer.limits.spans - batch.length)
  batch.push(...spans.slice(0, room))
  if (spans.length > room)
    tracer.report("span-limit", `${spans.length - room} spans were dropped: more than ${tracer.limits.spans} wait for the endpoint.`)
  if (timer !== undefined) return
  process.once("beforeExit", flush)
  // Nothing else starts while a delivery is under way: what finishes meanwhile goes out with the next.
  timer = setTimeout(flush, WAIT_MS)
  timer.unref()

  function flush(): void {
    process.off("beforeExit", flush)
    clearTimeout(timer)
    const batches = [...waiting]
    waiting.clear()
    void Promise.all(batches.map(([from, all]) => deliver(from, all))).then(() => {
      timer = undefined
      const [left] = waiting
      if (left !== undefined) deliverSoon(left[0], [], deliver)
    })
  }
}
