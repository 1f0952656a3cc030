import type { Clock, Delivery, Exporter, Limits, Resource, SpanRecord } from "../core/contracts.ts"
import { recordOf } from "../core/record.ts"
import type { Report } from "../core/report.ts"
import { encodeTraces } from "../otlp/encode.ts"

/**
 * Sends one request body; rejects once it has waited `boundMs` for an answer, and after `maxMs` in any case. `onSent` is called when the
 * system has all of it, and must not throw.
 */
export type Post = (body: string, boundMs: number, maxMs: number, onSent?: () => void) => Promise<PostReply>

export interface PostReply {
  readonly status: number
  /** Milliseconds, from `Retry-After`. */
  readonly retryAfterMs?: number | undefined
  readonly body: string
}

export interface OtlpOptions {
  readonly post: Post
  /** The same before it returns: whether the endpoint has taken the body. Default: it never has. */
  readonly postNow?: (body: string, budgetMs: number) => boolean
  readonly resource: Resource
  /** The instrumentation scope: this library. */
  readonly scope: { readonly name: string; readonly version: string }
  /** Longest time that one `export` may wait for the endpoint. Time spent computing is not waiting, up to `MAX_STRETCH` times this. */
  readonly timeoutMs: number
  readonly limits: Pick<Limits, "spans" | "bytes">
  readonly report: Report
  readonly monotonicMs: Clock["monotonicMs"]
}

/** OTLP specification, "OTLP/HTTP Response": 429 and these gateway answers are worth another try; no other is. */
const RETRYABLE = new Set([429, 502, 503, 504])
const DEFAULT_RETRY_MS = 100
const MAX_RETRY_AFTER_MS = 300_000
const MAX_STRETCH = 10
/** After so many deliveries in a row that failed, the endpoint is left alone for a while, each time twice as long: every try is billed. */
const BREAK_AFTER = 5
const BREAK_MS = 5_000
const MAX_BREAK_MS = 60_000

interface Parcel {
  readonly spans: readonly SpanRecord[]
  readonly bytes: number
}

/** Why spans never arrived: more were kept than the limits allow, the endpoint refused the request, or some of its spans. */
type Cause = "overflow" | "refused" | "rejected"

/**
 * Exports over OTLP/HTTP with JSON. What a bound or an unreachable endpoint cuts off is kept, within the limits, and goes
 * out first with the next call; after a `Retry-After`, or while an endpoint is given up on, nothing is sent before its time.
 * What was dropped, and why, is told by tags `antifreeze.dropped.*` of the next span that arrives.
 */
export function createOtlpExporter(options: OtlpOptions): Exporter {
  const { post, postNow = () => false, resource, scope, timeoutMs, limits, report, monotonicMs } = options
  let kept: Parcel[] = []
  const underWay = new Set<readonly SpanRecord[]>()
  const lost = new Map<Cause, number>()
  let notBeforeMs = 0
  let failures = 0
  const encode = (spans: readonly SpanRecord[]) => encodeTraces(spans, resource, scope)

  return {
    async export(spans, deadlineMs = Number.POSITIVE_INFINITY) {
      const parcels = kept
      kept = []
      const all = parcels.flatMap((parcel) => parcel.spans).concat(spans)
      if (all.length === 0) return { delivered: 0, dropped: 0, kept: 0 }
      const told = new Map(lost)
      const body = encode(withLosses(all, told))
      const keep = (why: string) => hold([...parcels, { spans, bytes: body.length }], why)
      if (Date.now() < notBeforeMs) return keep("the endpoint asked to wait, or has failed too often")
      underWay.add(all)
      try {
        return await send(body, all.length, deadlineMs, told, keep)
      } catch (error) {
        failed()
        return keep(error instanceof Error ? error.message : String(error))
      } finally {
        underWay.delete(all)
      }
    },
    urgent: {
      get pending() {
        return kept.length > 0 || underWay.size > 0
      },
      recall() {
        const all = [...kept.map(({ spans }) => spans), ...underWay].flat()
        kept = []
        underWay.clear()
        return all
      },
      defer(spans, bytes) {
        kept.push({ spans, bytes })
        trim()
      },
      encode: (spans) => encode(withLosses(spans, lost)),
      postNow,
      async post(body, { onSent, lastMs }) {
        if (lastMs === undefined && Date.now() < notBeforeMs) return false
        const { status } = await post(body, lastMs ?? timeoutMs, lastMs ?? timeoutMs * MAX_STRETCH, onSent)
        // A body that is refused for good must not come back with every start.
        return !RETRYABLE.has(status)
      },
    },
  }

  async function send(
    body: string,
    count: number,
    deadlineMs: number,
    told: ReadonlyMap<Cause, number>,
    keep: (why: string) => Delivery,
  ): Promise<Delivery> {
    const startMs = monotonicMs()
    const boundMs = Math.min(timeoutMs, deadlineMs)
    const maxMs = Math.min(timeoutMs * MAX_STRETCH, deadlineMs)
    for (;;) {
      const spentMs = monotonicMs() - startMs
      if (spentMs >= boundMs) {
        failed()
        return keep(`no answer within ${Math.round(boundMs)} ms`)
      }
      const reply = await post(body, boundMs - spentMs, maxMs - spentMs)
      if (reply.status >= 200 && reply.status < 300) {
        failures = 0
        for (const [cause, number] of told) lose(cause, -number)
        return accepted(reply, count)
      }
      if (!RETRYABLE.has(reply.status)) return refuse(`the endpoint answered ${reply.status}`, count)
      const waitMs = Math.min(reply.retryAfterMs ?? DEFAULT_RETRY_MS, MAX_RETRY_AFTER_MS)
      notBeforeMs = reply.retryAfterMs === undefined ? 0 : Date.now() + waitMs
      if (monotonicMs() - startMs + waitMs >= boundMs) {
        failed()
        return keep(`the endpoint answered ${reply.status}`)
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }

  /** One more in a row. The first try after a break decides whether there is another. */
  function failed(): void {
    failures++
    if (failures < BREAK_AFTER) return
    notBeforeMs = Math.max(notBeforeMs, Date.now() + Math.min(MAX_BREAK_MS, BREAK_MS * 2 ** (failures - BREAK_AFTER)))
  }

  function lose(cause: Cause, count: number): void {
    const sum = (lost.get(cause) ?? 0) + count
    if (sum > 0) lost.set(cause, sum)
    else lost.delete(cause)
  }

  /** OTLP specification, "Partial Success": rejected spans must not be sent again. */
  function accepted({ body }: PostReply, count: number): Delivery {
    const { rejected, message } = partialSuccess(body)
    const dropped = Math.min(count, rejected)
    if (dropped > 0) {
      lose("rejected", dropped)
      report("rejected", `the endpoint rejected ${dropped} of ${count} spans: ${message}`)
    }
    return { delivered: count - dropped, dropped, kept: 0 }
  }

  function refuse(why: string, count: number): Delivery {
    lose("refused", count)
    report("delivery", `${count} spans were not delivered: ${why}. Look at the endpoint and its headers.`)
    return { delivered: 0, dropped: count, kept: 0 }
  }

  /** Keeps the parcels, within the limits. */
  function hold(parcels: Parcel[], why: string): Delivery {
    kept.unshift(...parcels)
    const { count, dropped } = trim()
    report("delivery", `${count} spans could not be delivered (${why}). They are kept and sent with the next invocation.`)
    return { delivered: 0, dropped, kept: kept.reduce((sum, parcel) => sum + parcel.spans.length, 0) }
  }

  /** Drops the oldest parcels where the limits demand it; `count` is of all. */
  function trim(): { count: number; dropped: number } {
    let count = 0
    let bytes = 0
    const first = kept.findLastIndex((parcel) => {
      count += parcel.spans.length
      bytes += parcel.bytes
      return count > limits.spans || bytes > limits.bytes
    })
    const dropped = kept.splice(0, first + 1).reduce((sum, parcel) => sum + parcel.spans.length, 0)
    if (dropped > 0) lose("overflow", dropped)
    return { count, dropped }
  }
}

/** The last span, which is the root where there is one, tells what did not arrive. */
function withLosses(spans: readonly SpanRecord[], lost: ReadonlyMap<Cause, number>): readonly SpanRecord[] {
  const last = spans.at(-1)
  if (lost.size === 0 || last === undefined) return spans
  const tags = new Map(last.tags)
  for (const [cause, count] of lost) tags.set(`antifreeze.dropped.${cause}`, count)
  return [...spans.slice(0, -1), recordOf(last, { tags })]
}

function partialSuccess(body: string): { rejected: number; message: string } {
  if (body === "{}" || body === "") return { rejected: 0, message: "" }
  try {
    const { rejectedSpans, errorMessage } = (JSON.parse(body) as { partialSuccess?: Record<string, unknown> }).partialSuccess ?? {}
    return { rejected: Number(rejectedSpans) || 0, message: String(errorMessage ?? "").slice(0, 200) }
  } catch {
    return { rejected: 0, message: "" }
  }
}
