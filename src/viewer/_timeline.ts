import type { ReceivedSpan } from "../otlp/types.ts"

export interface Timeline {
  readonly totalUs: number
  /** Start and end as fractions of the whole, or `undefined` for a span without a time. */
  place(spans: readonly ReceivedSpan[]): { from: number; to: number } | undefined
  /** By how much the clock of the span's process was set right, in microseconds. */
  skewUs(span: ReceivedSpan): number
}

/**
 * The time axis that holds every span, also an `init` span that starts before its parent. A child in another process that
 * seems to start before the call that caused it only has another clock: it is moved into its parent, with all that
 * follows from it there. A child that starts late is left alone, as messages may wait for hours.
 */
export function timeline(spans: readonly ReceivedSpan[]): Timeline {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const shifts = new Map<string, number>()
  for (const span of spans) settleShift(span, byId, shifts)
  const startUs = (span: ReceivedSpan): number => span.startUs + (shifts.get(span.spanId) ?? 0)
  let first = Infinity
  let last = -Infinity
  for (const span of spans) {
    if (span.startUs <= 0) continue
    first = Math.min(first, startUs(span))
    last = Math.max(last, startUs(span) + span.durationUs)
  }
  const totalUs = last > first ? last - first : 0

  return {
    totalUs,
    place(group) {
      let from = Infinity
      let to = -Infinity
      for (const span of group) {
        if (span.startUs <= 0) continue
        from = Math.min(from, startUs(span) - first)
        to = Math.max(to, startUs(span) - first + span.durationUs)
      }
      return from === Infinity ? undefined : { from: from / (totalUs || 1), to: to / (totalUs || 1) }
    },
    skewUs: (span) => shifts.get(span.spanId) ?? 0,
  }
}

/** Climbs to the first ancestor whose shift is known, and settles all on the way back. Circles end at a shift of 0. */
function settleShift(span: ReceivedSpan, byId: ReadonlyMap<string, ReceivedSpan>, shifts: Map<string, number>): void {
  const path: ReceivedSpan[] = []
  for (let at: ReceivedSpan | undefined = span; at !== undefined && !shifts.has(at.spanId); at = parentOf(at, byId)) {
    shifts.set(at.spanId, 0)
    path.push(at)
  }
  for (const child of path.reverse()) {
    const parent = parentOf(child, byId)
    if (parent) shifts.set(child.spanId, shiftOf(child, parent, shifts.get(parent.spanId) ?? 0))
  }
}

function shiftOf(child: ReceivedSpan, parent: ReceivedSpan, parentShiftUs: number): number {
  if (!crossesProcesses(child, parent)) return parentShiftUs
  const parentStartUs = parent.startUs + parentShiftUs
  if (child.startUs >= parentStartUs || child.startUs <= 0 || parent.startUs <= 0) return 0
  // Half of what the child does not explain is taken for the way there, half for the way back.
  return parentStartUs + Math.max(0, parent.durationUs - child.durationUs) / 2 - child.startUs
}

function crossesProcesses(child: ReceivedSpan, parent: ReceivedSpan): boolean {
  return child.parentIsRemote ?? child.resource["service.name"] !== parent.resource["service.name"]
}

function parentOf(span: ReceivedSpan, byId: ReadonlyMap<string, ReceivedSpan>): ReceivedSpan | undefined {
  return span.parentSpanId === undefined ? undefined : byId.get(span.parentSpanId)
}
