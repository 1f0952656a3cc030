// The little of the configuration that a start has to know.

export type Env = Readonly<Record<string, string | undefined>>

export const PREFIX = "OTEL_EXPORTER_OTLP_"

export function isDisabled(env: Env): boolean {
  return env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true"
}

export function endpointOf(env: Env): string | undefined {
  if (env["OTEL_TRACES_EXPORTER"] === "none") return undefined
  return env[`${PREFIX}TRACES_ENDPOINT`] || tracesUrl(env[`${PREFIX}ENDPOINT`])
}

/** OTLP specification, "Endpoint URLs for OTLP/HTTP": the general endpoint gets the path of the signal. */
export function tracesUrl(endpoint: string | URL | undefined): string | undefined {
  return endpoint ? `${String(endpoint).replace(/\/+$/, "")}/v1/traces` : undefined
}

export function parseUrl(text: string): URL | undefined {
  try {
    const url = new URL(text)
    return url.protocol === "http:" || url.protocol === "https:" ? url : undefined
  } catch {
    return undefined
  }
}
