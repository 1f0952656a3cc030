import type { Description, End, Tags, Trace } from "../core/contracts.ts"
import { serverTags, tellFailure } from "./_db.ts"
import { inCallersScope, type Method, patchMethod } from "./_patch.ts"

/** A call of the transport that Elasticsearch's client and its fork share. */
export interface SearchCall {
  readonly method: string
  /** Without the query, which is full of literals. */
  readonly path: string
  /** The name of the endpoint and its path parts, where the client says them. */
  readonly name: string | undefined
  readonly parts: Readonly<Record<string, unknown>>
  /** Of the only node; unknown while the library has several to choose from. */
  readonly node: URL | undefined
}

interface Parameters {
  readonly method?: unknown
  readonly path?: unknown
  readonly meta?: { readonly name?: string; readonly pathParts?: Readonly<Record<string, unknown>> }
}
interface Transport {
  readonly connectionPool?: { readonly connections?: readonly { readonly url?: URL }[] }
}

// What an endpoint without a word of its own does, by method.
const ON_INDEX: Readonly<Record<string, string>> = {
  GET: "indices.get",
  HEAD: "indices.exists",
  PUT: "indices.create",
  DELETE: "indices.delete",
}
const ON_DOCUMENT: Readonly<Record<string, string>> = { GET: "get", HEAD: "exists", PUT: "index", POST: "index", DELETE: "delete" }
// These have a word for each of their endpoints.
const NAMESPACES = new Set("cat cluster nodes plugins opendistro".split(" "))
// Path parts that name a thing. The others (a document's id, a scroll, a user) are values.
const NAMING = new Set("index alias name target new_index repository snapshot metric".split(" "))

/**
 * OpenTelemetry semantic conventions 1.44, "Elasticsearch". The HTTP request sits beneath, one for each attempt, and carries the
 * trace: the convention's span is the whole call with its retries, and both Elastic's own client and OpenTelemetry show it so.
 */
export function describeSearch(system: "elasticsearch" | "opensearch", { method, path, name, parts, node }: SearchCall): Description {
  const segments = path.split("/").filter((segment) => segment)
  const operation = name ?? operationOf(method, segments)
  const index = parts["index"] ?? (segments[0]?.startsWith("_") ? undefined : decoded(segments[0]))
  const collection = index === undefined ? undefined : String(index)
  const shown: Record<string, string> = {}
  for (const part of Object.keys(parts)) {
    if (NAMING.has(part) && parts[part] !== undefined) shown[`db.operation.parameter.${part}`] = String(parts[part])
  }
  return {
    operationName: `${operation} ${collection ?? node?.host ?? ""}`.trimEnd(),
    kind: "client",
    tags: {
      "db.system.name": system,
      "db.operation.name": operation,
      "db.collection.name": collection,
      "http.request.method": method,
      "url.full": node && node.origin + shownPath(segments),
      ...shown,
      "db.operation.parameter.index": collection,
      ...serverTags(node?.hostname, node && Number(node.port || (node.protocol === "https:" ? 443 : 80))),
    },
  }
}

/** The words of a path begin with an underscore: /shop/_doc/1, /_cluster/health. */
function operationOf(method: string, segments: readonly string[]): string {
  const at = segments.findIndex((segment) => segment.startsWith("_"))
  const word = segments[at]?.slice(1)
  if (word === undefined) return segments.length > 0 ? (ON_INDEX[method] ?? "index") : method === "HEAD" ? "ping" : "info"
  if (word === "doc") return ON_DOCUMENT[method] ?? word
  const next = NAMESPACES.has(word) ? segments[at + 1]?.replace(/^_/, "") : undefined
  return next === undefined ? word : `${word}.${next}`
}

/** A segment that neither is a word of the API nor names an index is a value. */
function shownPath(segments: readonly string[]): string {
  const isShown = (segment: string, at: number) => at === 0 || segment.startsWith("_") || NAMESPACES.has(segments[at - 1]?.slice(1) ?? "")
  return `/${segments.map((segment, at) => (isShown(segment, at) ? segment : "REDACTED")).join("/")}`
}

function decoded(segment: string | undefined): string | undefined {
  try {
    return segment && decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** The answer of the server, without its words: they quote documents and queries. */
export function tellSearch(error: unknown): { error: unknown; tags?: Tags } {
  const { meta, name, stack } = (error ?? {}) as {
    meta?: { statusCode?: unknown; body?: { error?: { type?: unknown } } }
    name?: string
    stack?: string
  }
  const { statusCode, body } = meta ?? {}
  const type = typeof body?.error === "object" ? body.error?.type : undefined
  if (name !== "ResponseError") return tellFailure(error)
  return tellFailure({ name, code: type ?? statusCode, message: type ?? "", stack }, statusCode)
}

/** Clients answer with a promise, or call back; the older ones with an object that can be aborted and awaited. */
export function patchTransport(owner: object, trace: Trace<SearchCall>): readonly (() => void)[] {
  return patchMethod(
    owner,
    "request",
    (request) =>
      function (this: Transport, params: Parameters | undefined, ...rest: unknown[]) {
        const at = rest.findIndex((arg) => typeof arg === "function")
        const { connections } = this.connectionPool ?? {}
        const call = {
          method: String(params?.method),
          path: String(params?.path).replace(/\?.*/s, ""),
          name: params?.meta?.name,
          parts: params?.meta?.pathParts ?? {},
          node: connections?.length === 1 ? connections[0]?.url : undefined,
        }
        const called = at < 0 ? undefined : inCallersScope(rest[at] as Method, trace)
        return trace(call, (operation) => {
          if (operation.context === undefined) return Reflect.apply(request, this, [params, ...rest])
          if (called !== undefined) {
            return Reflect.apply(request, this, [params, ...rest.with(at, endingWith(called, operation.defer()))])
          }
          return request.length < 3
            ? Reflect.apply(request, this, [params, ...rest])
            : awaitable(this, request, [params, rest[0]], operation.defer())
        })
      },
  )
}

function endingWith(callback: Method, end: End<unknown>): Method {
  return function (error, ...more) {
    end(error ?? undefined)
    return Reflect.apply(callback, this, [error, ...more])
  }
}

/** To look at the client's own promise would handle its rejection for whoever does not. So it is given a callback, and we make the promise. */
function awaitable(transport: object, request: Method, args: readonly unknown[], end: End<unknown>): unknown {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const settle = (error: unknown, result: unknown) => (error ? reject(error as Error) : resolve(result))
  const returned: object = Reflect.apply(request, transport, [args[0], args[1], endingWith(settle, end)])
  return Object.assign(returned, {
    // biome-ignore lint/suspicious/noThenProperty: as the client's own.
    then: promise.then.bind(promise),
    catch: promise.catch.bind(promise),
    finally: promise.finally.bind(promise),
  })
}
