import type { Clock, Exporter, IdSource, Limits, Propagator, TagValue } from "../../core/contracts.ts"
import type { Report } from "../../core/report.ts"
import { parseUrl } from "./endpoint.ts"

export type PropagatorName = "tracecontext" | "baggage" | "b3" | "b3multi" | "jaeger" | "xray" | "none"

/** What can be said in code. Each wins over its environment variable. */
export interface TracerOptions {
  /** Base URL of an OTLP/HTTP endpoint; `/v1/traces` is added (`OTEL_EXPORTER_OTLP_ENDPOINT`). */
  readonly endpoint?: string | URL
  /** Headers for the endpoint (`OTEL_EXPORTER_OTLP_HEADERS`). */
  readonly headers?: Readonly<Record<string, string>>
  /** Longest wait for the endpoint in one delivery, in milliseconds (`OTEL_EXPORTER_OTLP_TIMEOUT`; default 300). */
  readonly timeoutMs?: number
  /** `OTEL_EXPORTER_OTLP_COMPRESSION`; default: gzip for large batches, once the function is warm. */
  readonly compression?: "gzip" | "none"
  /** Where spans go instead of an endpoint. */
  readonly exporter?: Exporter
  /** `OTEL_SERVICE_NAME`; default: the name of the function. */
  readonly serviceName?: string
  /** More resource attributes (`OTEL_RESOURCE_ATTRIBUTES`). */
  readonly resource?: Readonly<Record<string, TagValue>>
  /** Share of new traces that are recorded, 0 to 1 (`OTEL_TRACES_SAMPLER`; default 1). A parent's decision is kept. */
  readonly sampleRate?: number
  /** By name, as in `OTEL_PROPAGATORS`, or of your own: the first that finds a trace wins. Default: W3C Trace Context and Baggage. */
  readonly propagators?: readonly (PropagatorName | Propagator)[]
  readonly limits?: Partial<Limits>
  readonly clock?: Clock
  readonly ids?: IdSource
}

/** An option with a wrong value is named in one line and left out: what the environment says counts, or the default. */
export function soundOptions(options: TracerOptions, report: Report): TracerOptions {
  const sound: Writable<TracerOptions> = { ...options }
  const check = <Name extends keyof TracerOptions>(name: Name, isRight: (value: TracerOptions[Name]) => unknown, hint: string) => {
    const value = options[name]
    if (value === undefined || isTrue(() => isRight(value))) return
    report("config", wrongValue(name, value, hint))
    delete sound[name]
  }
  check("endpoint", (url) => parseUrl(String(url)), "Give an http or https URL.")
  check("sampleRate", (rate) => isAtLeastZero(rate) && rate <= 1, "Give a number from 0 to 1.")
  check("timeoutMs", isAtLeastZero, "Give milliseconds.")
  check("compression", (name) => name === "gzip" || name === "none", "Give gzip or none.")
  check("limits", (limits = {}) => Object.values(limits).every(isAtLeastZero), "Give numbers of 0 or more.")
  check("propagators", Array.isArray, "Give a list.")
  return sound
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

function isTrue(answer: () => unknown): boolean {
  try {
    return Boolean(answer())
  } catch {
    return false
  }
}

function isAtLeastZero(value: unknown): value is number {
  return typeof value === "number" && value >= 0
}

/** The value may be anything, and a URL with a password in it. */
export function wrongValue(name: string, value: unknown, hint: string): string {
  // Node before 20.16 has a tracer, too, but not this.
  const inspect = process.getBuiltinModule?.("node:util").inspect ?? String
  const shown = typeof value === "string" ? value : inspect(value)
  return `${name}=${shown.replace(/\/\/[^/]*@/, "//")} is ignored. ${hint}`
}
