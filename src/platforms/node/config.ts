import type { Limits, Propagator, TagValue } from "../../core/contracts.ts"
import { b3MultiPropagator, b3Propagator } from "../../core/propagation/b3.ts"
import { jaegerPropagator } from "../../core/propagation/jaeger.ts"
import { w3cPropagators } from "../../core/propagation/w3c.ts"
import { xrayPropagator } from "../../core/propagation/xray.ts"
import type { Report } from "../../core/report.ts"
import { alwaysOff, alwaysOn, type Sampler, traceIdRatio } from "../../core/sampler.ts"
import { type Env, endpointOf, PREFIX } from "./endpoint.ts"
import { wrongValue } from "./options.ts"

/** What the environment asks for (OpenTelemetry, "Environment Variable Specification"). A wrong value is one line of log. */
export interface Config {
  readonly endpoint: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly compression: "auto" | "gzip" | "none"
  readonly timeoutMs: number
  readonly certificateFiles: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly serviceName: string | undefined
  readonly resource: ReadonlyMap<string, TagValue>
  readonly propagators: readonly Propagator[]
  readonly sampler: Sampler
  readonly limits: Partial<Limits>
}

/** How long a delivery may wait for the endpoint: the hold that a function's owner pays for. OpenTelemetry's 10 s would be billed. */
export const DEFAULT_TIMEOUT_MS = 300

export function readConfig(env: Env, report: Report): Config {
  const otlp = (name: string) => env[`${PREFIX}TRACES_${name}`] || env[PREFIX + name]
  const wrong = (name: string, value: string, hint: string) => report("config", wrongValue(name, value, hint))
  const count = (name: string) => readCount(env[name], (value) => wrong(name, value, "Give a whole number."))
  const ofSpans = (name: string) => count(`OTEL_SPAN_${name}`) ?? count(`OTEL_${name}`)
  const compression = otlp("COMPRESSION")
  const protocol = otlp("PROTOCOL")
  const exporter = env["OTEL_TRACES_EXPORTER"]
  if (exporter && exporter !== "otlp" && exporter !== "none") wrong("OTEL_TRACES_EXPORTER", exporter, "Give otlp or none.")
  for (const name of ["OTEL_SDK_DISABLED", "ANTIFREEZE_WATCHDOG"]) {
    if (!/^(true|false)?$/i.test(env[name] ?? "")) wrong(name, String(env[name]), "Give true or false.")
  }
  if (protocol && protocol !== "http/json") wrong(`${PREFIX}PROTOCOL`, protocol, "Spans are sent as http/json.")
  const isKnown = compression === "gzip" || compression === "none"
  if (compression && !isKnown) wrong(`${PREFIX}COMPRESSION`, compression, "Give gzip or none.")
  return {
    endpoint: endpointOf(env),
    headers: readPairs(otlp("HEADERS"), (pair) =>
      report("config", `${PREFIX}HEADERS has a part without a name and "=" (${pair.length} characters); it is ignored.`),
    ),
    compression: isKnown ? compression : "auto",
    timeoutMs: readCount(otlp("TIMEOUT"), (value) => wrong(`${PREFIX}TIMEOUT`, value, "Give milliseconds.")) ?? DEFAULT_TIMEOUT_MS,
    certificateFiles: definedOnly({ ca: otlp("CERTIFICATE"), cert: otlp("CLIENT_CERTIFICATE"), key: otlp("CLIENT_KEY") }),
    serviceName: env["OTEL_SERVICE_NAME"] || undefined,
    resource: new Map(
      Object.entries(
        readPairs(env["OTEL_RESOURCE_ATTRIBUTES"], (pair) =>
          wrong("OTEL_RESOURCE_ATTRIBUTES", pair, "Give key=value pairs with commas between."),
        ),
      ),
    ),
    propagators: choosePropagators((env["OTEL_PROPAGATORS"] || "tracecontext,baggage").split(","), report),
    sampler: readSampler(env["OTEL_TRACES_SAMPLER"], env["OTEL_TRACES_SAMPLER_ARG"], (value) =>
      wrong("OTEL_TRACES_SAMPLER", value, "All traces are recorded."),
    ),
    limits: definedOnly({
      tags: ofSpans("ATTRIBUTE_COUNT_LIMIT"),
      valueLength: ofSpans("ATTRIBUTE_VALUE_LENGTH_LIMIT"),
      logs: count("OTEL_SPAN_EVENT_COUNT_LIMIT"),
      links: count("OTEL_SPAN_LINK_COUNT_LIMIT"),
      spans: count("OTEL_BSP_MAX_QUEUE_SIZE"),
    }),
  }
}

function readCount(value: string | undefined, wrong: (value: string) => void): number | undefined {
  if (!value) return undefined
  if (/^\d{1,15}$/.test(value)) return Number(value)
  wrong(value)
  return undefined
}

/** W3C Baggage form: `key=value,key=value`, percent-encoded values. */
function readPairs(text: string | undefined, wrong: (pair: string) => void): Record<string, string> {
  const pairs: [string, string][] = []
  for (const pair of text?.split(",") ?? []) {
    const equals = pair.indexOf("=")
    const key = pair.slice(0, Math.max(0, equals)).trim()
    if (key !== "") pairs.push([key, decode(pair.slice(equals + 1).trim())])
    else if (pair.trim() !== "") wrong(pair)
  }
  return Object.fromEntries(pairs)
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

const KNOWN: readonly Propagator[] = [...w3cPropagators, b3Propagator, b3MultiPropagator, jaegerPropagator, xrayPropagator]

/** In the order that they are given. */
export function choosePropagators(given: readonly (string | Propagator)[], report: Report): Propagator[] {
  const chosen = new Set<Propagator>()
  for (const each of given) {
    const name = typeof each === "string" ? each.trim() : undefined
    if (name === "none") return []
    const propagator = name === undefined ? (each as Propagator) : KNOWN.find((known) => known.name === name)
    if (propagator !== undefined) chosen.add(propagator)
    else report("config", wrongValue("OTEL_PROPAGATORS", name, `Known are none,${KNOWN.map((known) => known.name)}.`))
  }
  return [...chosen]
}

/** Samplers ask the parent first in any case: a trace is recorded whole or not at all. */
function readSampler(name: string | undefined, argument: string | undefined, wrong: (value: string) => void): Sampler {
  switch (name?.replace(/^parentbased_/, "") || "always_on") {
    case "always_on":
      return alwaysOn
    case "always_off":
      return alwaysOff
    case "traceidratio": {
      const ratio = Number(argument || 1)
      if (ratio >= 0 && ratio <= 1) return traceIdRatio(ratio)
      wrong(`traceidratio with OTEL_TRACES_SAMPLER_ARG=${argument}`)
      return alwaysOn
    }
    default:
      wrong(String(name))
      return alwaysOn
  }
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

function definedOnly<T extends object>(from: T): Defined<T> {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as Defined<T>
}
