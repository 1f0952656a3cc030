import type { Description } from "../../core/contracts.ts"
import { describeRequest } from "../../integrations/_http.ts"

export type FetchArguments = readonly [input?: unknown, init?: { readonly method?: string; readonly headers?: unknown }]

export function describeFetch([input, init]: FetchArguments): Description {
  const request = input instanceof Request ? input : undefined
  const [, scheme = "http:", authority = "", target = ""] = /^(\w+:)\/\/([^/?#]*)([^#]*)/.exec(request?.url ?? String(input)) ?? []
  return describeRequest({ method: String(init?.method ?? request?.method ?? "GET").toUpperCase(), scheme, authority, target })
}

/** Adds our headers to a call of `fetch`, unless the caller has set one of them or the host is none of ours. Touches nothing of the caller's. */
export function carryHeaders(
  args: readonly unknown[],
  ours: Readonly<Record<string, string>>,
  propagateTo?: (url: string) => boolean,
): readonly unknown[] {
  const names = Object.keys(ours)
  if (names.length === 0) return args
  const [input, init, ...more] = args as [unknown, { readonly headers?: unknown } | undefined, ...unknown[]]
  const request = input instanceof Request ? input : undefined
  if (propagateTo !== undefined && !propagateTo(request?.url ?? String(input))) return args
  const given = init?.headers ?? request?.headers
  if (given === undefined || given === null) return [input, { ...init, headers: ours }, ...more]
  const headers = new Headers(given as Headers)
  if (names.some((name) => headers.has(name))) return args
  for (const name of names) headers.set(name, ours[name] as string)
  return [input, { ...init, headers }, ...more]
}

/** OpenTelemetry, "HTTP client": 4xx is an error too. */
export function answerTags({ status }: Response): Record<string, unknown> {
  return { "http.response.status_code": status, ...(status >= 400 && { error: true, "error.type": String(status) }) }
}
