import type { Propagated, Propagator } from "../contracts.ts"
import { FLAG_SAMPLED } from "../ids.ts"

const HEADER = "x-amzn-trace-id"
/** X-Ray, "Tracing header": `Root=1-{8 hex}-{24 hex};Parent={16 hex};Sampled={0|1|?}`, and fields of others in any order. The first of each counts. */
const FIELDS = { root: /(?:^|;)\s*root\s*=([^;]*)/i, parent: /(?:^|;)\s*parent\s*=([^;]*)/i, sampled: /(?:^|;)\s*sampled\s*=([^;]*)/i }
/** As Lambda writes it. Each invocation reads one, and one search is a quarter of the time that those above take. */
const USUAL = /^Root=(1-[0-9a-f-]{33});Parent=([0-9a-f]{16});Sampled=([01])(?:;|$)/
const ROOT = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/i
const PARENT = /^[0-9a-f]{16}$/i
const ZERO = /^0+$/
const MAX_LENGTH = 1024
/** RFC 9110, 5.5: a line break would end the header, and begin another. */
const PRINTABLE = /^(?=.*\S)[\t -~]*$/

export interface TraceHeader {
  readonly traceId: string
  /** Load balancers and API Gateway write none. */
  readonly spanId: string | undefined
  /** `Sampled=1`: X-Ray records this trace, and its owner pays for it. */
  readonly sampled: boolean
}

/** Reads an `X-Amzn-Trace-Id`, an `AWSTraceHeader` or an `_X_AMZN_TRACE_ID`; `undefined` when it has no valid root. */
export function parseTraceHeader(header: unknown): TraceHeader | undefined {
  if (typeof header !== "string" || header.length > MAX_LENGTH) return undefined
  const [, root = fieldOf(header, "root"), parent = fieldOf(header, "parent"), sampled = fieldOf(header, "sampled")] =
    USUAL.exec(header) ?? []
  const [, time, rest] = ROOT.exec(root) ?? []
  const traceId = `${time}${rest}`.toLowerCase()
  if (time === undefined || ZERO.test(traceId)) return undefined
  const spanId = PARENT.test(parent) && !ZERO.test(parent) ? parent.toLowerCase() : undefined
  return { traceId, spanId, sampled: sampled === "1" }
}

/** The two fields that hold all of a W3C trace and span id. */
export function formatTraceHeader({ traceId, spanId }: Pick<Propagated, "traceId" | "spanId">): string {
  return `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Parent=${spanId}`
}

/**
 * Our ids in a header that may already have been written by Lambda and the SDK, whose every other field is kept: Lambda's
 * protection against endless recursion lives in `Lineage`. What X-Ray samples stays X-Ray's, and unless it does, `Sampled`
 * is never ours to set: a 1 would cost the function's owner money, a 0 would switch off X-Ray in the callee.
 */
export function rewriteTraceHeader(existing: string | undefined, context: Pick<Propagated, "traceId" | "spanId">): string {
  if (existing === undefined) return formatTraceHeader(context)
  if (existing.length > MAX_LENGTH || fieldOf(existing, "sampled") === "1") return existing
  const others = existing.split(";").filter((field) => !/^\s*(Root|Parent|Self)\s*=/i.test(field) && PRINTABLE.test(field))
  return [formatTraceHeader(context), ...others].join(";")
}

/**
 * The context that a message of AWS brought along. Its `Sampled` is about X-Ray (0 wherever X-Ray is switched off), so whether
 * we record the trace is left open.
 */
export function fromTraceHeader(header: unknown): Partial<Propagated> | undefined {
  const { traceId, spanId } = parseTraceHeader(header) ?? {}
  return traceId !== undefined && spanId !== undefined ? { traceId, spanId } : undefined
}

/** AWS X-Ray, for those who name it in `OTEL_PROPAGATORS`: in every request, with our decision to sample. */
export const xrayPropagator: Propagator = {
  name: "xray",
  inject(context, set) {
    set("X-Amzn-Trace-Id", `${formatTraceHeader(context)};Sampled=${context.traceFlags & FLAG_SAMPLED}`)
  },
  extract: (get) => fromTraceHeader(get(HEADER)[0]),
}

/** What SQS, SNS and others hand on under the name of an attribute. */
export const awsMessagePropagator: Propagator = {
  name: "awstraceheader",
  inject() {},
  extract: (get) => fromTraceHeader(get("awstraceheader")[0]),
}

function fieldOf(header: string, name: keyof typeof FIELDS): string {
  return FIELDS[name].exec(header)?.[1]?.trim() ?? ""
}
