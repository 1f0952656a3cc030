import type { Propagated, Propagator } from "../contracts.ts"
import { FLAG_SAMPLED } from "../ids.ts"
import { ZERO } from "./w3c.ts"

const TRACE_ID = /^([0-9a-f]{16}|[0-9a-f]{32})$/i
const SPAN_ID = /^[0-9a-f]{16}$/i

/** B3 in one header, `b3: {trace id}-{span id}-{sampling state}[-{parent span id}]`. Reads the other form, too. */
export const b3Propagator: Propagator = {
  name: "b3",
  inject(context, set) {
    set("b3", `${context.traceId}-${context.spanId}-${context.traceFlags & FLAG_SAMPLED}`)
  },
  extract: (get) => extractSingle(get) ?? extractMulti(get),
}

/** B3 in a header for each part. Reads the other form, too: OpenTelemetry, "B3 Requirements", asks for it. */
export const b3MultiPropagator: Propagator = {
  name: "b3multi",
  inject(context, set) {
    set("X-B3-TraceId", context.traceId)
    set("X-B3-SpanId", context.spanId)
    set("X-B3-Sampled", String(context.traceFlags & FLAG_SAMPLED))
  },
  extract: b3Propagator.extract,
}

type Get = Parameters<Propagator["extract"]>[0]

function extractSingle(get: Get): Partial<Propagated> | undefined {
  const [header = ""] = get("b3")
  if (header.length > 256) return undefined
  const [traceId, spanId, state] = header.trim().split("-")
  return contextOf(traceId, spanId, state)
}

function extractMulti(get: Get): Partial<Propagated> | undefined {
  const isDebug = get("x-b3-flags")[0] === "1"
  return contextOf(get("x-b3-traceid")[0], get("x-b3-spanid")[0], isDebug ? "d" : get("x-b3-sampled")[0])
}

/** Without a sampling state the decision is left to us ("Defer"). Debug is an emphatic yes, which W3C flags cannot tell from a plain one. */
function contextOf(traceId = "", spanId = "", state?: string): Partial<Propagated> | undefined {
  if (!TRACE_ID.test(traceId) || !SPAN_ID.test(spanId) || ZERO.test(traceId) || ZERO.test(spanId)) return undefined
  const ids = { traceId: traceId.toLowerCase().padStart(32, "0"), spanId: spanId.toLowerCase() }
  if (state === "1" || state === "d" || state === "true") return { ...ids, traceFlags: FLAG_SAMPLED }
  return state === "0" || state === "false" ? { ...ids, traceFlags: 0 } : ids
}
