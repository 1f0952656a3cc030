import type { Delivery, Exporter, Resource, SpanRecord } from "../../core/contracts.ts"
import { encodeTraces } from "../../otlp/encode.ts"
import { VERSION } from "../../version.ts"
import { createPost } from "./post.ts"

export interface EdgeExporterOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly resource: Resource
  /** Longest wait for one answer. */
  readonly timeoutMs: number
  /** Most spans that wait for the next delivery. */
  readonly maxKept: number
  readonly report: (code: "delivery" | "rejected", message: string) => void
}

/** OTLP specification, "OTLP/HTTP Response": these answers are worth another try. */
const RETRYABLE = [429, 502, 503, 504]
/** Each try is a subrequest, of which a plan has as few as 50 for an invocation. */
const MAX_ATTEMPTS = 3
const RETRY_MS = 100
const MAX_RETRY_AFTER_MS = 300_000

/**
 * Exports over OTLP/HTTP with JSON, for functions that wait with `waitUntil`: nobody holds an answer back, so there is no bound
 * to share out. What could not be delivered goes out with the next call, and after a `Retry-After` not before its time.
 */
export function createExporter({ url, headers, resource, timeoutMs, maxKept, report }: EdgeExporterOptions): Exporter {
  const post = createPost(url, headers)
  const scope = { name: "antifreeze", version: VERSION }
  let kept: readonly SpanRecord[] = []
  let notBeforeMs = 0

  return {
    async export(spans) {
      const all = kept.length === 0 ? spans : [...kept, ...spans]
      kept = []
      if (all.length === 0) return { delivered: 0, dropped: 0, kept: 0 }
      if (notBeforeMs > 0 && Date.now() < notBeforeMs) return keep(all, "the endpoint asked to wait")
      try {
        return await send(all)
      } catch (error) {
        return keep(all, error instanceof Error ? error.message : String(error))
      }
    },
  }

  async function send(all: readonly SpanRecord[]): Promise<Delivery> {
    const body = encodeTraces(all, resource, scope)
    for (let attempt = 1; ; attempt++) {
      const reply = await post(body, timeoutMs, timeoutMs)
      if (reply.status < 300) return accepted(reply.body, all.length)
      const why = `the endpoint answered ${reply.status}`
      if (!RETRYABLE.includes(reply.status)) {
        report("delivery", `${all.length} spans were not delivered: ${why}. Look at the endpoint and its headers.`)
        return { delivered: 0, dropped: all.length, kept: 0 }
      }
      notBeforeMs = reply.retryAfterMs === undefined ? 0 : Date.now() + Math.min(reply.retryAfterMs, MAX_RETRY_AFTER_MS)
      if (attempt === MAX_ATTEMPTS || notBeforeMs > 0) return keep(all, why)
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  /** OTLP specification, "Partial Success": rejected spans must not be sent again. */
  function accepted(body: string, count: number): Delivery {
    const rejected = Number(/"rejectedSpans"\s*:\s*"?(\d+)/.exec(body)?.[1] ?? 0)
    if (rejected > 0) report("rejected", `the endpoint rejected ${rejected} of ${count} spans: ${body.slice(0, 200)}`)
    return { delivered: count - rejected, dropped: rejected, kept: 0 }
  }

  function keep(all: readonly SpanRecord[], why: string): Delivery {
    const held = [...kept, ...all]
    kept = held.slice(-maxKept)
    report("delivery", `${all.length} spans could not be delivered (${why}). They are kept and sent with the next invocation.`)
    return { delivered: 0, dropped: held.length - kept.length, kept: kept.length }
  }
}
