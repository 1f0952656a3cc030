import type { Capture, Message, Tags } from "../../core/contracts.ts"
import type { Span } from "../../core/span.ts"
import { type Hooks, processState } from "./process-state.ts"

/** The HTTP clients, by the names of their integrations. */
const CLIENTS = ["http", "undici", "http2"]
const OURS = Symbol.for("antifreeze.capture")
type OwnHooks = Hooks & { readonly [OURS]?: Hooks | undefined }

/**
 * Captures outgoing calls, or none any more. What it gives is called with each invocation: it adds our hooks to those that the user
 * has for the HTTP clients by then, in place of earlier ones of ours.
 */
export function watchCalls(calls: Capture | undefined): () => void {
  const own = new WeakSet<Hooks>()
  return () => {
    for (const name of CLIENTS) {
      const present = processState.hooks.get(name) as OwnHooks | undefined
      if (present === undefined ? calls === undefined : own.has(present)) continue
      const users = present !== undefined && OURS in present ? present[OURS] : present
      const hooks = calls === undefined ? users : bothHooks(name, users, calls)
      if (hooks === undefined) processState.hooks.delete(name)
      else {
        own.add(hooks)
        processState.hooks.set(name, hooks)
      }
    }
  }
}

function bothHooks(name: string, users: Hooks | undefined, calls: Capture): OwnHooks {
  const written = new WeakMap<Span, ClientCall>()
  return {
    name,
    onCall(span, call: ClientCall) {
      users?.onCall?.(span, call)
      tag(span, calls.requestTags(requestOf(call)))
      if (call.getHeader !== undefined) written.set(span, call)
    },
    onResult(span, result: Result, error) {
      users?.onResult?.(span, result, error)
      // Headers may be set until the request is sent.
      const call = written.get(span)
      if (call !== undefined) tag(span, calls.requestTags(requestOf(call)))
      tag(span, calls.responseTags({ header: (header) => result?.response?.header?.(header) }))
    },
    [OURS]: users,
  }
}

/** `Answer` of the HTTP integrations; calls of AWS may end with another. */
type Result = { readonly response?: { readonly header?: (name: string) => unknown } } | undefined

function tag(span: Span, tags: Tags): void {
  span.addTags(tags as Record<string, unknown>)
}

/** A request of node:http, undici or node:http2. */
interface ClientCall {
  getHeader?(name: string): unknown
  /** What has been written out, or was given as a list: node:http has it nowhere else then. */
  readonly _header?: unknown
  /** By turns, as text (undici 5), or as an object (node:http2). */
  readonly headers?: unknown
  readonly body?: unknown
}

function requestOf(call: ClientCall): Message {
  const { headers, body } = call
  if (call.getHeader !== undefined) return { header: (name) => call.getHeader?.(name) ?? valuesOf(call._header, name) }
  const isSeen = typeof body === "string" || body instanceof Uint8Array
  return { header: (name) => valuesOf(headers, name), ...(isSeen && { body: () => body }) }
}

function valuesOf(headers: unknown, name: string): unknown[] {
  return pairsOf(headers).flatMap(([key, value]) => (key === name ? [value].flat() : []))
}

function pairsOf(headers: unknown): (readonly [string, unknown])[] {
  if (typeof headers === "string") {
    return headers.split("\r\n").map((line) => {
      const colon = line.indexOf(":")
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    })
  }
  if (!Array.isArray(headers)) return Object.entries((headers ?? {}) as object).map(([name, value]) => [name.toLowerCase(), value])
  return headers.flatMap((name, at) => (at % 2 === 0 ? [[String(name).toLowerCase(), headers[at + 1]] as const] : []))
}
