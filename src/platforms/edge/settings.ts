import type { Clock, Exporter, IdSource, Limits, Propagator, TagValue } from "../../core/contracts.ts"
import { DEFAULT_LIMITS } from "../../core/limits.ts"
import { type Sampler, traceIdRatio } from "../../core/sampler.ts"
import { VERSION } from "../../version.ts"
import { type EdgePolicy, EdgeTracer } from "./edge-tracer.ts"
import { createExporter } from "./exporter.ts"
import { readUrl } from "./http.ts"
import { isWorkerd } from "./runtime.ts"
import { state } from "./state.ts"

/** What can be said in code. Each wins over the environment's variable of the same meaning. */
export interface EdgeOptions extends Omit<EdgePolicy, "propagateTo"> {
  /** Base URL of an OTLP/HTTP endpoint; `/v1/traces` is added (`OTEL_EXPORTER_OTLP_ENDPOINT`). */
  readonly endpoint?: string | undefined
  /** Headers for the endpoint (`OTEL_EXPORTER_OTLP_HEADERS`). */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Longest wait for the endpoint in one delivery, in milliseconds (`OTEL_EXPORTER_OTLP_TIMEOUT`; default 5,000). */
  readonly timeoutMs?: number | undefined
  /** Where spans go instead of an endpoint. */
  readonly exporter?: Exporter | undefined
  /** `OTEL_SERVICE_NAME` */
  readonly serviceName?: string | undefined
  /** More resource attributes (`OTEL_RESOURCE_ATTRIBUTES`). */
  readonly resource?: Readonly<Record<string, TagValue>> | undefined
  /** Share of new traces that are recorded, 0 to 1 (`OTEL_TRACES_SAMPLER`; default 1). A parent's decision is kept. */
  readonly sampleRate?: number | undefined
  /** Formats of trace context, in and out; default W3C (`OTEL_PROPAGATORS`). */
  readonly propagators?: readonly Propagator[] | undefined
  readonly limits?: Partial<Limits> | undefined
  readonly clock?: Clock | undefined
  readonly ids?: IdSource | undefined
  /** Hosts whose requests get our headers: names (`example.com` with all below it), patterns, or a decision; default: all. */
  readonly propagateTo?: readonly (string | RegExp)[] | ((url: string) => boolean) | undefined
}

/** What an environment can say. */
export interface Variables {
  readonly disabled?: boolean
  readonly endpoint?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number | undefined
  readonly serviceName?: string | undefined
  readonly resource?: ReadonlyMap<string, TagValue>
  readonly propagators?: readonly Propagator[]
  readonly sampler?: Sampler
  readonly limits?: Partial<Limits>
}

const DEFAULT_TIMEOUT_MS = 5_000
const MAX_EXPORTERS = 32

/** A tracer for these options. Options that are made anew for each invocation still share what they say of the endpoint. */
export function buildTracer(options: EdgeOptions, variables: Variables): EdgeTracer {
  const { propagateTo, ...rest } = options
  const limits = { ...DEFAULT_LIMITS, ...variables.limits, ...options.limits }
  return new EdgeTracer(
    {
      scopeManager: state.scopeManager,
      report: state.report,
      limits,
      exporter: options.exporter ?? exporterFor(options, variables, limits),
      sampler: options.sampleRate === undefined ? variables.sampler : traceIdRatio(options.sampleRate),
      propagators: options.propagators ?? variables.propagators,
      clock: options.clock,
      ids: options.ids,
    },
    { ...rest, propagateTo: typeof propagateTo === "object" ? (url) => propagateTo.some((host) => matches(host, url)) : propagateTo },
  )
}

const exporters = new Map<string, Exporter>()

function exporterFor(options: EdgeOptions, variables: Variables, limits: Limits): Exporter | undefined {
  const url = options.endpoint ? `${options.endpoint.replace(/\/+$/, "")}/v1/traces` : variables.endpoint
  if (url === undefined) return undefined
  if (!/^https?:\/\/./.test(url)) {
    state.report("config", `the endpoint ${JSON.stringify(url)} is not an http or https URL. Nothing is exported.`)
    return undefined
  }
  const headers = { ...variables.headers, ...options.headers }
  const resource = resourceOf(options, variables)
  const timeoutMs = options.timeoutMs ?? variables.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const key = JSON.stringify([url, headers, [...resource], timeoutMs])
  let exporter = exporters.get(key)
  if (exporter === undefined) {
    exporter = createExporter({ url, headers, resource, timeoutMs, maxKept: limits.spans, report: state.report })
    if (exporters.size >= MAX_EXPORTERS) exporters.delete(exporters.keys().next().value as string)
    exporters.set(key, exporter)
  }
  return exporter
}

function resourceOf({ serviceName, resource }: EdgeOptions, variables: Variables): Map<string, TagValue> {
  const all = new Map<string, TagValue>([
    ["service.name", "unknown_service"],
    ["telemetry.sdk.name", "antifreeze"],
    ["telemetry.sdk.language", "webjs"],
    ["telemetry.sdk.version", VERSION],
    ...(isWorkerd
      ? ([
          ["cloud.provider", "cloudflare"],
          ["cloud.platform", "cloudflare.workers"],
        ] as const)
      : []),
    ...(variables.resource ?? []),
    ...Object.entries(resource ?? {}),
  ])
  const name = serviceName ?? variables.serviceName
  return name === undefined ? all : all.set("service.name", name)
}

function matches(host: string | RegExp, url: string): boolean {
  if (typeof host !== "string") return host.test(url)
  const { host: name = "" } = readUrl(url)
  return name === host || name.endsWith(`.${host}`)
}
