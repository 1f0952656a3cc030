import type { Clock, Exporter, IdSource, Limits, Propagator, TagValue } from "../../core/contracts.ts"
import type { Report } from "../../core/report.ts"
import { parseUrl } from "./endpoint.ts"

export type PropagatorName = "tracecontext" | "baggage" | "b3" | "b3multi" | "jaeger" | "xray" | "none"

/** What can be said in code. Each wins over its environment variable. */
export interface TracerOptions {
  /** Base URL of an OTLP/HTTP endpoint; `/v1/traces` is added (`OTEL_EXPORTER_OTLP_ENDPOINT`). */
  readonly endpoint?: string
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
  const { endpoint, sampleRate = 1, timeoutMs = 0, compression = "none", limits = {} } = options
  const sound: Writable<TracerOptions> = { ...options }
  const check = (name: keyof TracerOptions, isRight: unknown, hint: string) => {
    if (isRight) return
    report("config", wrongValue(name, options[name], hint))
    delete sound[name]
  }
  check("endpoint", endpoint === undefined || parseUrl(endpoint), "Give an http or https URL.")
  check("sampleRate", sampleRate >= 0 && sampleRate <= 1, "Give a number from 0 to 1.")
  check("timeoutMs", timeoutMs >= 0, "Give milliseconds.")
  check("compression", compression === "gzip" || compression === "none", "Give gzip or none.")
  check(
    "limits",
    Object.values(limits).every((limit) => limit >= 0),
    "Give numbers of 0 or more.",
  )
  return sound
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

export function wrongValue(name: string, value: unknown, hint: string): string {
  return `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)} is ignored. ${hint}`
}
