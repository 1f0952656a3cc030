import type { Description, Tags } from "../core/contracts.ts"
import { redactCredentials, redactUrl } from "../core/redact.ts"

/** The part of a request that every HTTP client knows before it is sent. */
export interface Outgoing {
  readonly method: string
  /** With its colon, as in `https:`. */
  readonly scheme: string
  /** `host` or `host:port`. */
  readonly authority: string
  /** The request target: a path with its query, `*`, an absolute URL (to a proxy), or `host:port` (CONNECT). */
  readonly target: string
  readonly bodySize?: unknown
}

/** Who is at the other end of the connection. */
export interface Peer {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

// OpenTelemetry semantic conventions 1.44, `http.request.method`; other words would make a tag of unbounded values.
const METHODS = new Set(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"])

/** OpenTelemetry semantic conventions 1.44, "HTTP client": `{method}`, since the path has no known template. */
export function describeRequest({ method, scheme, authority, target, bodySize }: Outgoing): Description {
  const known = METHODS.has(method)
  const { ownScheme = scheme, ownAuthority = authority, path = "" } = partsOf(method, target)
  const [, host, port] = /^(?:.*@)?(.*?)(?::(\d*))?$/.exec(ownAuthority) ?? []
  return {
    operationName: known ? method : "HTTP",
    kind: "client",
    tags: {
      "http.request.method": known ? method : "_OTHER",
      "http.request.method_original": known ? undefined : method,
      "url.full": `${method === "CONNECT" ? "" : `${ownScheme}//`}${redactCredentials(ownAuthority)}${redactUrl(path)}`,
      "server.address": host?.replace(/^\[|\]$/g, ""),
      "server.port": Number(port || (ownScheme === "https:" ? 443 : 80)),
      "http.request.body.size": size(bodySize),
    },
  }
}

/** RFC 9112, 3.2: the four forms of a request target. */
function partsOf(
  method: string,
  target: string,
): { ownScheme?: string | undefined; ownAuthority?: string | undefined; path?: string | undefined } {
  if (method === "CONNECT") return { ownAuthority: target }
  const [, ownScheme, ownAuthority, path] = /^(\w+:)\/\/([^/?#]*)(.*)$/s.exec(target) ?? []
  return { ownScheme, ownAuthority, path: path ?? (target === "*" ? "" : target) }
}

/** What the headers of a response tell. */
export interface Answer {
  readonly status: number | undefined
  readonly tags: Tags
  /** The value of a header, by lower-case name. */
  readonly header?: (name: string) => string | undefined
}

/** For a client, 4xx is an error too (OpenTelemetry semantic conventions 1.44, "HTTP client"). */
export function answerOf(
  method: string | undefined,
  status: number | undefined,
  version: string | undefined,
  header: (name: string) => string | undefined,
  peer?: Peer | null,
): Answer {
  const tags = {
    "http.response.status_code": status,
    "network.protocol.version": version,
    // RFC 9110, 9.3.2: what a GET would have had.
    "http.response.body.size": method === "HEAD" ? undefined : size(header("content-length")),
    "network.peer.address": peer?.remoteAddress,
    "network.peer.port": peer?.remotePort,
    ...(status !== undefined && status >= 400 && { error: true, "error.type": String(status) }),
  }
  return { status, tags, header }
}

function size(value: unknown): number | undefined {
  const bytes = Number(value ?? Number.NaN)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/**
 * Puts our headers into a request, all or none. None where the caller has set one of them: half of another trace is worse
 * than none of ours. None where a value is no header (RFC 9110, 5.5): what is carried on may come from anywhere.
 */
export function carry(
  headers: Readonly<Record<string, string>>,
  has: (name: string) => boolean,
  set: (name: string, value: string) => void,
): void {
  const entries = Object.entries(headers)
  if (entries.some(([name, value]) => has(name) || !/^[\t -~]*$/.test(value))) return
  for (const [name, value] of entries) set(name, value)
}

/** The error of a body that the caller stopped reading: the words of fetch, which is the only client that has an error of its own for it. */
export function abandoned(): Error {
  return new DOMException("The response was abandoned before its end.", "AbortError")
}

/** The value behind a symbol that a library keeps to itself, or undefined. */
export function hidden(owner: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(owner).find((each) => each.description === description)
  return symbol && (owner as Record<symbol, unknown>)[symbol]
}
