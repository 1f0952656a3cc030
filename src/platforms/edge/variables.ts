import { decode } from "../../core/propagation/baggage.ts"
import type { Variables } from "./settings.ts"

/** The variables that a small function needs (OpenTelemetry, "Environment Variable Specification"); the full entries read all of them. */
export function readVariables(env: Readonly<Record<string, string | undefined>>): Variables {
  const otlp = (name: string) => env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`]
  const base = env["OTEL_EXPORTER_OTLP_ENDPOINT"]
  return {
    disabled: env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true" || env["OTEL_TRACES_EXPORTER"] === "none",
    endpoint: env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] || (base && `${base.replace(/\/+$/, "")}/v1/traces`),
    headers: Object.fromEntries(pairs(otlp("HEADERS"))),
    timeoutMs: Number(otlp("TIMEOUT")) || undefined,
    serviceName: env["OTEL_SERVICE_NAME"],
    resource: new Map(pairs(env["OTEL_RESOURCE_ATTRIBUTES"])),
  }
}

/** W3C Baggage form: `key=value,key=value`, percent-encoded values. */
function pairs(text = ""): [string, string][] {
  return [...text.matchAll(/([^=,]+)=([^,]*)/g)].map(([, key = "", value = ""]) => [key.trim(), decode(value.trim())])
}
