import type { SpanContext } from "./context.ts"
import type { Cause, LinkRecord, TagValue, Trigger } from "./contracts.ts"
import type { StartOptions } from "./span-maker.ts"
import type { Tracer } from "./tracer.ts"
import { tagValue } from "./values.ts"

/** More records than a batch of AWS ever has links worth drawing for; the limit of links on a span cuts further. */
const MAX_CAUSES = 1000

/**
 * What led to an invocation. One cause is the parent, and so is one that all records of a batch share; several are links,
 * one for each, since a span has one parent and picking any would hide the others.
 */
export function causesOf(tracer: Tracer, { carrier, causes, related, traceId }: Trigger): StartOptions {
  const single = carrier === undefined ? undefined : tracer.contextIn(carrier)
  if (causes === undefined && related === undefined) return { childOf: single, traceId }
  const links = new Map<string, LinkRecord>()
  let first: SpanContext | undefined
  for (const cause of causes?.slice(0, MAX_CAUSES) ?? []) {
    const context = tracer.contextIn(cause?.carrier)
    if (context === undefined) continue
    first ??= context
    const key = context.traceId + context.spanId
    if (!links.has(key)) links.set(key, linkTo(context, cause?.tags))
  }
  const parent = single ?? (links.size === 1 ? first : undefined)
  const others = [...((causes?.length ?? 0) > 1 ? links.values() : []), ...(related ?? []).map((context) => linkTo(context))]
  return { childOf: parent, links: others, traceId }
}

function linkTo({ traceId, spanId, traceFlags, traceState }: Omit<LinkRecord, "tags">, tags: Cause["tags"] = {}): LinkRecord {
  const kept = new Map<string, TagValue>()
  for (const [key, value] of Object.entries(tags)) {
    const tag = tagValue(value, 1024)
    if (tag !== undefined) kept.set(key, tag)
  }
  return { traceId, spanId, traceFlags, traceState, tags: kept }
}
