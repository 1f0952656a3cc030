import type { Delivery, Exporter, Limits, Resource, SpanRecord } from "../core/contracts.ts"
import type { Report } from "../core/report.ts"
import { encodeTraces } from "../otlp/encode.ts"

/** Sends one request body; rejects once it has waited `boundMs` for an answer, and after `maxMs` in any case. */
export type Post = (body: string, boundMs: number, maxMs: number) => Promise<PostReply>

export interface PostReply {
  readonly status: number
  /** Milliseconds, from `Retry-After`. */
  readonly retryAfterMs?: number | undefined
  readonly body: string
}

export interface OtlpOptions {
  readonly post: Post
  readonly resource: Resource
  /** The instrumentation scope: this library. */
  readonly scope: { readonly name: string; readonly version: string }
  /** Longest time that one `export` may wait for the endpoint. Time spent computing is not waiting, up to `MAX_STRETCH` times this. */
  readonly timeoutMs: number
  /** Most requests in one `export`; default: as many as the time allows. */
  readonly maxAttempts?: number
  readonly limits: Pick<Limits, "spans" | "bytes">
  readonly report: Report
}

/** OTLP specification, "OTLP/HTTP Response": 429 and these gateway answers are worth another try; no other is. */
const RETRYABLE = new Set([429, 502, 503, 504])
const DEFAULT_RETRY_MS = 100
const MAX_RETRY_AFTER_MS = 300_000
const MAX_STRETCH = 10

interface Parcel {
  readonly spans: readonly SpanRecord[]
  readonly bytes: number
}

/**
 * Exports over OTLP/HTTP with JSON. What a bound or an unreachable endpoint cuts off is kept, within the limits, and goes
 * out first with the next call; after a `Retry-After` nothing is sent before its time.
 */
export function createOtlpExporter({
  post,
  resource,
  scope,
  timeoutMs,
  maxAttempts = Number.POSITIVE_INFINITY,
  limits,
  report,
}: OtlpOptions): Exporter {
  let kept: Parcel[] = []
  let notBeforeMs = 0

  return {
    async export(spans, deadlineMs = Number.POSITIVE_INFINITY) {
      const parcels = kept
      kept = []
      const all = parcels.flatMap((parcel) => parcel.spans).concat(spans)
      if (all.length === 0) return { delivered: 0, dropped: 0, kept: 0 }
      const body = encodeTraces(all, resource, scope)
      const keep = (why: string) => hold([...parcels, { spans, bytes: body.length }], why)
      if (Date.now() < notBeforeMs) return keep("the endpoint asked to wait")
      try {
        return await send(body, all.length, deadlineMs, keep)
      } catch (error) {
        return keep(error instanceof Error ? error.message : String(error))
      }
    },
  }

  async function send(body: string, count: number, deadlineMs: number, keep: (why: string) => Delivery): Promise<Delivery> {
    const startMs = performance.now()
    const boundMs = Math.min(timeoutMs, deadlineMs)
    const maxMs = Math.min(timeoutMs * MAX_STRETCH, deadlineMs)
    for (let attempt = 1; ; attempt++) {
      const spentMs = performance.now() - startMs
      if (spentMs >= boundMs) return keep(`no answer within ${Math.round(boundMs)} ms`)
      const reply = await post(body, boundMs - spentMs, maxMs - spentMs)
      if (reply.status >= 200 && reply.status < 300) return accepted(reply, count)
      if (!RETRYABLE.has(reply.status)) return refuse(`the endpoint answered ${reply.status}`, count)
      const waitMs = Math.min(reply.retryAfterMs ?? DEFAULT_RETRY_MS, MAX_RETRY_AFTER_MS)
      notBeforeMs = reply.retryAfterMs === undefined ? 0 : Date.now() + waitMs
      if (attempt >= maxAttempts || performance.now() - startMs + waitMs >= boundMs) return keep(`the endpoint answered ${reply.status}`)
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }

  /** OTLP specification, "Partial Success": rejected spans must not be sent again. */
  function accepted({ body }: PostReply, count: number): Delivery {
    const { rejected, message } = partialSuccess(body)
    const dropped = Math.min(count, rejected)
    if (dropped > 0) report("rejected", `the endpoint rejected ${dropped} of ${count} spans: ${message}`)
    return { delivered: count - dropped, dropped, kept: 0 }
  }

  function refuse(why: string, count: number): Delivery {
    report("delivery", `${count} spans were not delivered: ${why}. Look at the endpoint and its headers.`)
    return { delivered: 0, dropped: count, kept: 0 }
  }

  /** Keeps the parcels, the oldest dropped first where the limits demand it. */
  function hold(parcels: Parcel[], why: string): Delivery {
    kept.unshift(...parcels)
    let count = 0
    let bytes = 0
    const first = kept.findLastIndex((parcel) => {
      count += parcel.spans.length
      bytes += parcel.bytes
      return count > limits.spans || bytes > limits.bytes
    })
    const dropped = kept.splice(0, first + 1).reduce((sum, parcel) => sum + parcel.spans.length, 0)
    report("delivery", `${count} spans could not be delivered: ${why}. They are kept and sent with the next invocation.`)
    return { delivered: 0, dropped, kept: kept.reduce((sum, parcel) => sum + parcel.spans.length, 0) }
  }
}

function partialSuccess(body: string): { rejected: number; message: string } {
  try {
    const { rejectedSpans, errorMessage } = (JSON.parse(body) as { partialSuccess?: Record<string, unknown> }).partialSuccess ?? {}
    return { rejected: Number(rejectedSpans) || 0, message: String(errorMessage ?? "").slice(0, 200) }
  } catch {
    return { rejected: 0, message: "" }
  }
}
