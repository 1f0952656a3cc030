import type { Propagator } from "../contracts.ts"
import { FLAG_SAMPLED } from "../ids.ts"
import { decode, encode, TOKEN } from "./baggage.ts"
import { ZERO } from "./w3c.ts"

const HEADER = "uber-trace-id"
const BAGGAGE_PREFIX = "uberctx-"
const MAX_BAGGAGE = 64
/** Jaeger, "Propagation Format": `{trace-id}:{span-id}:{parent-span-id}:{flags}` in hex without leading zeros; the colons may be encoded. */
const FORM = /^([0-9a-f]{1,32}):([0-9a-f]{1,16}):[0-9a-f]{0,16}:([0-9a-f]{1,2})$/i

/** Jaeger's own headers, with its baggage. */
export const jaegerPropagator: Propagator = {
  name: "jaeger",

  inject({ traceId, spanId, traceFlags, baggage }, set) {
    set(HEADER, `${traceId}:${spanId}:0:${traceFlags & FLAG_SAMPLED}`)
    let count = 0
    for (const [key, value] of baggage) {
      if (TOKEN.test(key) && count++ < MAX_BAGGAGE) set(BAGGAGE_PREFIX + key, encode(value))
    }
  },

  extract(get, names) {
    const [, traceId = "0", spanId = "0", flags = "0"] = FORM.exec(decode(get(HEADER)[0]?.slice(0, 8192) ?? "")) ?? []
    const baggage = new Map<string, string>()
    for (const name of names()) {
      const [value] = name.startsWith(BAGGAGE_PREFIX) && baggage.size < MAX_BAGGAGE ? get(name) : []
      if (value !== undefined && value.length <= 8192) baggage.set(name.slice(BAGGAGE_PREFIX.length), decode(value))
    }
    const carried = baggage.size === 0 ? {} : { baggage }
    if (ZERO.test(traceId) || ZERO.test(spanId)) return baggage.size === 0 ? undefined : carried
    return {
      traceId: traceId.toLowerCase().padStart(32, "0"),
      spanId: spanId.toLowerCase().padStart(16, "0"),
      traceFlags: Number.parseInt(flags, 16) & FLAG_SAMPLED,
      ...carried,
    }
  },
}
