import type { Propagated, Propagator } from "../contracts.ts"
import { FLAG_RANDOM, FLAG_SAMPLED } from "../ids.ts"
import { formatBaggage, parseBaggage } from "./baggage.ts"
import { normaliseTraceState } from "./tracestate.ts"

/** W3C Trace Context, Level 2: `traceparent` and `tracestate`. */
export const traceContextPropagator: Propagator = {
  name: "tracecontext",
  inject(context, set) {
    set("traceparent", formatTraceparent(context))
    if (context.traceState !== "") set("tracestate", context.traceState)
  },
  extract(get) {
    const [traceparent, ...more] = get("traceparent")
    // 3.2: a request has one traceparent; with several, nobody can tell which is right, so the trace starts anew.
    if (traceparent === undefined || more.length > 0) return undefined
    const parsed = parseTraceparent(traceparent)
    return parsed && { ...parsed, traceState: normaliseTraceState(get("tracestate")) }
  },
}

/** W3C Baggage. */
export const baggagePropagator: Propagator = {
  name: "baggage",
  inject(context, set) {
    const value = formatBaggage(context.baggage)
    if (value !== "") set("baggage", value)
  },
  extract(get) {
    const headers = get("baggage")
    const baggage = headers.length > 0 && parseBaggage(headers)
    return baggage && baggage.size > 0 ? { baggage } : undefined
  },
}

/** The default of `OTEL_PROPAGATORS`. */
export const w3cPropagators: readonly Propagator[] = [traceContextPropagator, baggagePropagator]

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
/** Ids of zeros alone are none, in any format. */
export const ZERO: RegExp = /^0+$/

/** Trace Context 3.2.2: `version-traceid-parentid-flags`. `undefined` for anything else. */
export function parseTraceparent(header: string): Pick<Propagated, "traceId" | "spanId" | "traceFlags"> | undefined {
  if (header.length > 512) return undefined
  const match = FORM.exec(header.trim())
  if (match === null) return undefined
  const [, version, traceId = "", spanId = "", flags = "", rest] = match
  // 3.2.2.1: ff is forbidden. 4.3: later versions may carry more after a dash, version 00 may not.
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined
  if (ZERO.test(traceId) || ZERO.test(spanId)) return undefined
  // 3.2.2.5: unknown flags must not be sent on.
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & (FLAG_SAMPLED | FLAG_RANDOM) }
}

export function formatTraceparent({ traceId, spanId, traceFlags }: Propagated): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`
}
