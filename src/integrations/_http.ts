import type { Description, End, Operation, Tags } from "../core/contracts.ts"
import { readMethod } from "../core/http-method.ts"
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
  /** The socket in the file system that the request goes to. */
  readonly socketPath?: string | undefined
  /** Whether the port is known only once there is a connection. */
  readonly hidesPort?: boolean
}

/** Who is at the other end of the connection. */
export interface Peer {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** OpenTelemetry semantic conventions 1.44, "HTTP client": `{method}`, since the path has no known template. */
export function describeRequest({ method, scheme, authority, target, bodySize, socketPath, hidesPort }: Outgoing): Description {
  const { name, told, original } = readMethod(method)
  const isConnect = method === "CONNECT"
  // RFC 9112, 3.2: the four forms of a request target.
  const absolute = isConnect || target[0] === "/" ? null : /^(\w+:)\/\/([^/?#]*)(.*)$/s.exec(target)
  const [, ownScheme = scheme, ownAuthority = isConnect ? target : authority, path = isConnect || target === "*" ? "" : target] =
    absolute ?? []
  const host = ownAuthority.slice(ownAuthority.lastIndexOf("@") + 1)
  const colon = host.search(PORT)
  const address = colon < 0 ? host : host.slice(0, colon)
  const port = (colon >= 0 && Number(host.slice(colon + 1))) || (ownScheme === "https:" ? 443 : 80)
  return {
    operationName: name,
    kind: "client",
    tags: {
      "http.request.method": told,
      "http.request.method_original": original,
      "url.full": `${isConnect ? "" : `${ownScheme}//`}${redactCredentials(ownAuthority)}${redactUrl(path)}`,
      "server.address": socketPath || (address[0] === "[" ? address.slice(1, -1) : address),
      "server.port": socketPath || hidesPort ? undefined : port,
      "http.request.body.size": size(bodySize),
    },
  }
}

const PORT = /:\d*$/

/** What the headers of a response tell. */
export interface Response {
  readonly method: string | undefined
  readonly status: number | undefined
  readonly version: string | undefined
  /** The value of a header, by lower-case name. */
  readonly header: (name: string) => string | undefined
  readonly peer?: Peer | null | undefined
  /** Whether the request does not know the port of its server, and the connection does. */
  readonly hidesPort?: () => boolean
}

/** The same, and its tags: made for who asks, since a call of AWS has its own. */
export class Answer {
  readonly response: Response

  constructor(response: Response) {
    this.response = response
  }

  /** For a client, 4xx is an error too (OpenTelemetry semantic conventions 1.44, "HTTP client"). */
  get tags(): Tags {
    const { method, status, version, header, peer, hidesPort } = this.response
    const isBad = status !== undefined && status >= 400
    return {
      "http.response.status_code": status,
      "network.protocol.version": version,
      // RFC 9110, 9.3.2: what a GET would have had.
      "http.response.body.size": method === "HEAD" ? undefined : size(header("content-length")),
      "network.peer.address": peer?.remoteAddress,
      "network.peer.port": peer?.remotePort,
      "server.port": hidesPort?.() ? peer?.remotePort : undefined,
      error: isBad || undefined,
      "error.type": isBad ? String(status) : undefined,
    }
  }
}

/** One request that is under way. */
export interface Exchange {
  readonly operation: Operation<Answer>
  readonly end: End<Answer>
  answer?: Answer
}

/** What `trace` is given to run: nothing runs within the span of a request that only shows on channels. */
export function exchangeOf(operation: Operation<Answer>): Exchange | undefined {
  return operation.context && { operation, end: operation.defer() }
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
  for (const name in headers) if (has(name) || !PRINTABLE.test(headers[name] as string)) return
  for (const name in headers) set(name, headers[name] as string)
}

const PRINTABLE = /^[\t -~]*$/

/** The error of a body that the caller stopped reading: the words of fetch, which is the only client that has an error of its own for it. */
export function abandoned(): Error {
  return new DOMException("The response was abandoned before its end.", "AbortError")
}

/** The value behind a symbol that a library keeps to itself, or undefined. */
export function hidden(owner: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(owner).find((each) => each.description === description)
  return symbol && (owner as Record<symbol, unknown>)[symbol]
}

/** An object, names and values by turns, or nothing at all. */
export type Headers = Readonly<Record<string, unknown>> | readonly unknown[] | undefined

/** Names in lower case. */
export function byName(headers: Headers): Map<string, unknown> {
  const entries = Array.isArray(headers)
    ? headers.flatMap((name: unknown, at) => (at % 2 === 0 ? [[name, headers[at + 1]]] : []))
    : Object.entries(headers ?? {})
  return new Map(entries.map(([name, value]) => [String(name).toLowerCase(), value]))
}
