import type { Clock, Exporter, IdSource, Limits, Propagator, TagValue } from "../../core/contracts.ts"
import { TracingError } from "../../core/errors.ts"
import { parseUrl } from "./endpoint.ts"

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
  readonly propagators?: readonly Propagator[]
  readonly limits?: Partial<Limits>
  readonly clock?: Clock
  readonly ids?: IdSource
}

/** @throws {TracingError} `ERR_CONFIG` when an option has a wrong value. */
export function checkOptions({ sampleRate, timeoutMs, endpoint }: TracerOptions): void {
  if (sampleRate !== undefined && !(sampleRate >= 0 && sampleRate <= 1)) {
    throw new TracingError("ERR_CONFIG", `sampleRate is ${sampleRate}. Give a number from 0 to 1.`)
  }
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) throw new TracingError("ERR_CONFIG", `timeoutMs is ${timeoutMs}. Give milliseconds.`)
  if (endpoint !== undefined && parseUrl(endpoint) === undefined) {
    throw new TracingError("ERR_CONFIG", `endpoint is ${JSON.stringify(endpoint)}. Give an http or https URL.`)
  }
}
