import type { Clock, Exporter, IdSource, Limits, Propagator, TagValue, Urgent } from "../../core/contracts.ts"
import { TracingError } from "../../core/errors.ts"
import type { Report } from "../../core/report.ts"
import { type Sampler, traceIdRatio } from "../../core/sampler.ts"
import { DEFAULT_LIMITS, type TracerSetup } from "../../core/span-maker.ts"
import { Tracer } from "../../core/tracer.ts"
import { createOtlpExporter, type Post } from "../../exporters/otlp.ts"
import { VERSION } from "../../version.ts"
import { type Config, DEFAULT_TIMEOUT_MS, tracesUrl } from "./config.ts"
import { createPost } from "./post.ts"
import { postNow } from "./post-now.ts"
import { processState } from "./process-state.ts"

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

/** A fresh OpenTracing tracer. It exports nothing unless told where, by `endpoint` or `exporter`. */
export function createTracer(options: TracerOptions = {}): Tracer {
  return new Tracer(tracerSetup(options, undefined, []))
}

/** A tracer's parts from options, then the environment's configuration, then what the platform knows of itself. */
export function tracerSetup(
  options: TracerOptions,
  config: Config | undefined,
  platformResource: readonly [string, TagValue][],
): TracerSetup {
  check(options)
  const { report, scopeManager } = processState
  const limits = { ...DEFAULT_LIMITS, ...config?.limits, ...options.limits }
  return {
    scopeManager,
    report,
    limits,
    exporter: options.exporter ?? otlpExporter(options, config, platformResource, limits, report),
    sampler: options.sampleRate === undefined ? (config?.sampler as Sampler | undefined) : traceIdRatio(options.sampleRate),
    propagators: options.propagators ?? config?.propagators,
    clock: options.clock,
    ids: options.ids,
  }
}

function otlpExporter(
  options: TracerOptions,
  config: Config | undefined,
  platformResource: readonly [string, TagValue][],
  limits: Limits,
  report: Report,
): Exporter | undefined {
  const endpoint = tracesUrl(options.endpoint) ?? config?.endpoint
  if (endpoint === undefined) return undefined
  const url = parseUrl(endpoint)
  if (url === undefined) {
    report("config", `the endpoint ${JSON.stringify(endpoint)} is not an http or https URL. Nothing is exported.`)
    return undefined
  }
  // Made by the first delivery, after the response: the code of all exporters is loaded with it.
  let made: Exporter | undefined
  const make = () =>
    createOtlpExporter({
      post: lazyPost(url, options, config),
      postNow: (body, budgetMs) => postNow(url, { ...config?.headers, ...options.headers }, body, budgetMs),
      resource: resourceOf(options, config, platformResource),
      scope: { name: "antifreeze", version: VERSION },
      timeoutMs: options.timeoutMs ?? config?.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      limits,
      report,
    })
  const urgent = () => {
    made ??= make()
    return made.urgent as Urgent
  }
  return {
    export(spans, deadlineMs) {
      made ??= make()
      return made.export(spans, deadlineMs)
    },
    urgent: {
      get pending() {
        return made?.urgent?.pending ?? false
      },
      recall: () => made?.urgent?.recall() ?? [],
      encode: (spans) => urgent().encode(spans),
      postNow: (body, budgetMs) => urgent().postNow(body, budgetMs),
      post: (body) => urgent().post(body),
    },
  }
}

/** Only the delivery needs `http`, so it is loaded with the first one, after the first response. */
function lazyPost(url: URL, options: TracerOptions, config: Config | undefined): Post {
  let post: Post | undefined
  return (...request) => {
    post ??= createPost({
      url,
      headers: { ...config?.headers, ...options.headers },
      compression: options.compression ?? config?.compression ?? "auto",
      tls: readCertificates(config?.certificateFiles),
    })
    return post(...request)
  }
}

function readCertificates(files: Config["certificateFiles"] = {}): Record<string, string> {
  const { readFileSync } = process.getBuiltinModule("node:fs")
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, readFileSync(file, "utf8")]))
}

function resourceOf(options: TracerOptions, config: Config | undefined, platform: readonly [string, TagValue][]): Map<string, TagValue> {
  const resource = new Map<string, TagValue>([
    ["service.name", "unknown_service:node"],
    ["telemetry.sdk.name", "antifreeze"],
    ["telemetry.sdk.language", "nodejs"],
    ["telemetry.sdk.version", VERSION],
    ["process.runtime.name", "nodejs"],
    ["process.runtime.version", process.versions.node],
    ...platform,
    ...(config?.resource ?? []),
    ...Object.entries(options.resource ?? {}),
  ])
  const name = options.serviceName ?? config?.serviceName
  return name === undefined ? resource : resource.set("service.name", name)
}

function parseUrl(text: string): URL | undefined {
  try {
    const url = new URL(text)
    return url.protocol === "http:" || url.protocol === "https:" ? url : undefined
  } catch {
    return undefined
  }
}

function check({ sampleRate, timeoutMs, endpoint }: TracerOptions): void {
  if (sampleRate !== undefined && !(sampleRate >= 0 && sampleRate <= 1)) {
    throw new TracingError("ERR_CONFIG", `sampleRate is ${sampleRate}. Give a number from 0 to 1.`)
  }
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) throw new TracingError("ERR_CONFIG", `timeoutMs is ${timeoutMs}. Give milliseconds.`)
  if (endpoint !== undefined && parseUrl(endpoint) === undefined) {
    throw new TracingError("ERR_CONFIG", `endpoint is ${JSON.stringify(endpoint)}. Give an http or https URL.`)
  }
}
