import type { Clock, Exporter, Limits, TagValue, Urgent } from "../../core/contracts.ts"
import { DEFAULT_LIMITS } from "../../core/limits.ts"
import { binaryFormat } from "../../core/propagation/binary.ts"
import { awsMessagePropagator } from "../../core/propagation/xray.ts"
import type { Report } from "../../core/report.ts"
import { type Sampler, traceIdRatio } from "../../core/sampler.ts"
import type { TracerSetup } from "../../core/span-maker.ts"
import { createOtlpExporter, type Post } from "../../exporters/otlp.ts"
import { VERSION } from "../../version.ts"
import { lambdaResource } from "../lambda/resource.ts"
import { type Config, choosePropagators, DEFAULT_TIMEOUT_MS, readConfig } from "./config.ts"
import { PREFIX, parseUrl, tracesUrl } from "./endpoint.ts"
import { soundOptions, type TracerOptions, wrongValue } from "./options.ts"
import { createPost } from "./post.ts"
import { postNow } from "./post-now.ts"
import { processState } from "./process-state.ts"
import { uptimeMs } from "./uptime.ts"

const nodeClock: Clock = { wallMs: () => Date.now(), monotonicMs: uptimeMs }

let known: Config | undefined

/** Of a tracer that the environment configures, where the options leave something open. */
export function environmentSetup(options: TracerOptions): TracerSetup {
  known ??= readConfig(process.env, processState.report)
  return tracerSetup(options, known, lambdaResource(process.env))
}

/** A tracer's parts from options, then the environment's configuration, then what the platform knows of itself. */
export function tracerSetup(given: TracerOptions, config?: Config, platformResource: readonly [string, TagValue][] = []): TracerSetup {
  const { report, scopeManager } = processState
  const options = soundOptions(given, report)
  const limits = { ...DEFAULT_LIMITS, ...config?.limits, ...options.limits }
  return {
    scopeManager,
    report,
    limits,
    exporter: options.exporter ?? otlpExporter(options, config, platformResource, limits, report),
    sampler: options.sampleRate === undefined ? (config?.sampler as Sampler | undefined) : traceIdRatio(options.sampleRate),
    propagators: options.propagators ? choosePropagators(options.propagators, report) : config?.propagators,
    // The `AWSTraceHeader` that AWS itself hands on.
    messagePropagators: [awsMessagePropagator],
    binary: binaryFormat,
    clock: options.clock ?? nodeClock,
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
    report("config", wrongValue(`${PREFIX}ENDPOINT`, endpoint, "Give an http or https URL: nothing is exported."))
    return undefined
  }
  // Made by the first delivery, after the response: the code of all exporters is loaded with it.
  let made: Exporter | undefined
  const headers = { ...config?.headers, ...options.headers }
  const make = () =>
    createOtlpExporter({
      post: lazyPost(url, headers, options, config),
      postNow: (body, budgetMs) => postNow(url, headers, body, budgetMs),
      resource: resourceOf(options, config, platformResource),
      scope: { name: "antifreeze", version: VERSION },
      timeoutMs: options.timeoutMs ?? config?.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      limits,
      report,
      monotonicMs: uptimeMs,
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
      defer: (spans, bytes) => urgent().defer(spans, bytes),
      target: () => ({ url: url.href, headers, tls: readCertificates(config?.certificateFiles) }),
      encode: (spans) => urgent().encode(spans),
      postNow: (body, budgetMs) => urgent().postNow(body, budgetMs),
      post: (...request) => urgent().post(...request),
    },
  }
}

/** Only the delivery needs `http`, so it is loaded with the first one, after the first response. */
function lazyPost(url: URL, headers: Readonly<Record<string, string>>, options: TracerOptions, config: Config | undefined): Post {
  let post: Post | undefined
  return (...request) => {
    post ??= createPost({
      url,
      headers,
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
