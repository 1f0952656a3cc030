import type { Tags } from "../../core/contracts.ts"

/** The parts of an absolute URL; `query` has its question mark. */
export interface UrlParts {
  readonly scheme: string
  readonly authority: string
  /** Without credentials, and without the brackets of IPv6. */
  readonly host: string | undefined
  readonly port: number | undefined
  readonly path: string
  readonly query: string
}

/** Reads what spans tell of a URL. `new URL` would parse and escape all of it again. */
export function readUrl(url: string): UrlParts {
  const [, scheme = "", authority = "", path = "", query = ""] = /^(\w+):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?/.exec(url) ?? []
  const [, host, port] = /^(?:.*@)?\[?(.*?)\]?(?::(\d*))?$/.exec(authority) ?? []
  return { scheme, authority, host, port: port ? Number(port) : undefined, path, query }
}

/** OpenTelemetry semantic conventions 1.44, "HTTP": a client fails from 400 on, a server from 500. */
export function statusTags(response: unknown, failsFrom: 400 | 500): Tags {
  const { status } = (response ?? {}) as { status?: unknown }
  if (typeof status !== "number") return {}
  return { "http.response.status_code": status, ...(status >= failsFrom && { error: true, "error.type": String(status) }) }
}
