import type { Description, Tags } from "../../core/contracts.ts"
import { readMethod } from "../../core/http-method.ts"
import { redactCredentials, redactUrl } from "../../core/redact.ts"
import { readUrl, statusTags } from "./http.ts"

export type FetchArguments = readonly [input?: unknown, init?: { readonly method?: string; readonly headers?: unknown }]

/** OpenTelemetry semantic conventions 1.44, "HTTP client": `{method}`, since the path has no known template. */
export function describeFetch([input, init]: FetchArguments): Description {
  const request = input instanceof Request ? input : undefined
  const { name, told, original } = readMethod(String(init?.method ?? request?.method ?? "GET").toUpperCase())
  const { scheme, authority, host, port, path, query } = readUrl(request?.url ?? String(input))
  return {
    operationName: name,
    kind: "client",
    tags: {
      "http.request.method": told,
      "http.request.method_original": original,
      "url.full": scheme && `${scheme}://${redactCredentials(authority)}${redactUrl(path + query)}`,
      "server.address": host,
      "server.port": port ?? (scheme === "https" ? 443 : 80),
    },
  }
}

/** Adds our headers to a call of `fetch`, unless the caller has set one of them or the host is none of ours. Touches nothing of the caller's. */
export function carryHeaders(
  args: readonly unknown[],
  carried: () => Readonly<Record<string, string>>,
  propagateTo?: (url: string) => boolean,
): readonly unknown[] {
  const [input, init, ...more] = args as [unknown, { readonly headers?: unknown } | undefined, ...unknown[]]
  const request = input instanceof Request ? input : undefined
  if (propagateTo !== undefined && !propagateTo(request?.url ?? String(input))) return args
  const ours = carried()
  const names = Object.keys(ours)
  if (names.length === 0) return args
  const given = init?.headers ?? request?.headers
  if (given === undefined || given === null) return [input, { ...init, headers: ours }, ...more]
  const headers = new Headers(given as Headers)
  if (names.some((name) => headers.has(name))) return args
  for (const name of names) headers.set(name, ours[name] as string)
  return [input, { ...init, headers }, ...more]
}

export function answerTags(response: unknown): Tags {
  return statusTags(response, 400)
}
