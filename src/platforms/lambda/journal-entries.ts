import type { OtlpKeyValue, OtlpResourceSpans, OtlpSpan } from "../../otlp/types.ts"

/** One line: a checksum and the body of a request. A body has no line breaks: JSON escapes them. */
export function entryOf(body: string): string {
  return `${checksum(body)} ${body}\n`
}

/**
 * One request for all that the journals say, or `undefined` when they say nothing. Of what is said of a span the last counts;
 * one that had not ended by then is told to have been killed. Whatever else is in the files is skipped.
 */
export function readEntries(journals: readonly string[]): string | undefined {
  const all = journals.map(readJournal).filter((body) => body !== undefined)
  return all.length === 0 ? undefined : `{"resourceSpans":[${all.join(",")}]}`
}

function readJournal(text: string): string | undefined {
  const spans = new Map<string, OtlpSpan>()
  let frame: OtlpResourceSpans | undefined
  for (const line of text.split("\n")) {
    if (line[8] !== " " || checksum(line.slice(9)) !== line.slice(0, 8)) continue
    for (const { spans: found, from } of spansIn(line.slice(9))) {
      frame = from
      for (const span of found) spans.set(`${span.traceId}${span.spanId}`, span)
    }
  }
  if (frame === undefined || spans.size === 0) return undefined
  const lastNs = [...spans.values()].reduce((last, span) => (later(span.endTimeUnixNano, last) ? span.endTimeUnixNano : last), "0")
  const told = [...spans.values()].map((span) => tellEnd(span, lastNs, howIn(spans) ?? "killed"))
  const [scope] = frame.scopeSpans ?? []
  return JSON.stringify({ ...frame, scopeSpans: [{ ...scope, spans: told }] })
}

/** What the process could still say of its end. */
function howIn(spans: ReadonlyMap<string, OtlpSpan>): string | undefined {
  for (const { attributes = [] } of spans.values()) {
    const how = attributes.find((attribute) => attribute?.key === "antifreeze.ended")?.value?.stringValue
    if (typeof how === "string") return how
  }
  return undefined
}

function spansIn(body: string): { spans: OtlpSpan[]; from: OtlpResourceSpans }[] {
  try {
    const { resourceSpans } = JSON.parse(body) as { resourceSpans?: unknown }
    if (!Array.isArray(resourceSpans)) return []
    return (resourceSpans as OtlpResourceSpans[]).map((from) => ({
      from,
      spans: (from.scopeSpans ?? []).flatMap(({ spans = [] }) => spans).filter(isSpan),
    }))
  } catch {
    return []
  }
}

function isSpan(span: unknown): span is OtlpSpan {
  const { traceId, spanId, startTimeUnixNano, endTimeUnixNano, attributes } = (span ?? {}) as Partial<Record<keyof OtlpSpan, unknown>>
  const isTime = (value: unknown) => typeof value === "string" && /^\d{1,20}$/.test(value)
  return (
    typeof traceId === "string" &&
    /^[0-9a-f]{32}$/.test(traceId) &&
    typeof spanId === "string" &&
    /^[0-9a-f]{16}$/.test(spanId) &&
    isTime(startTimeUnixNano) &&
    isTime(endTimeUnixNano) &&
    (attributes === undefined || Array.isArray(attributes))
  )
}

const PARENT_IS_REMOTE = 0x200

/** Nobody knows when it ended: not before the last that was heard of its process. */
function tellEnd(span: OtlpSpan, lastNs: string, how: string): OtlpSpan {
  const attributes = span.attributes ?? []
  const has = (key: string) => attributes.some((attribute) => attribute?.key === key)
  if (!has("antifreeze.unfinished") || has("antifreeze.ended")) return span
  const more: OtlpKeyValue[] = [{ key: "antifreeze.ended", value: { stringValue: how } }]
  const isRoot = span.parentSpanId === undefined || ((span.flags ?? 0) & PARENT_IS_REMOTE) !== 0
  if (isRoot && !has("antifreeze.revision")) more.push({ key: "antifreeze.revision", value: { intValue: "2" } })
  const told = { ...span, endTimeUnixNano: later(lastNs, span.endTimeUnixNano) ? lastNs : span.endTimeUnixNano }
  if (!isRoot) return { ...told, attributes: [...attributes, ...more] }
  return { ...told, attributes: [...attributes, ...more], status: { code: 2, message: `the process ended (${how}) while this ran` } }
}

function later(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length
}

/** FNV-1a, 32 bits: tells a line that was cut off, or written over, from a whole one. */
export function checksum(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}
