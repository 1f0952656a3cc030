import type { Capture, Message, Tags } from "../../core/contracts.ts"
import type { Span } from "../../core/span.ts"
import { PassingBodies } from "./passing-bodies.ts"
import { type Hooks, processState } from "./process-state.ts"

/** The HTTP clients, by the names of their integrations. */
const CLIENTS = ["http", "undici", "http2"]
const OURS = Symbol.for("antifreeze.capture")
/** Ours, with what they stand in place of. */
type OwnHooks = Hooks & { readonly [OURS]?: { readonly users: Hooks | undefined; readonly bodies: PassingBodies | undefined } }

/** What is wanted of outgoing calls. */
export interface WantedCalls {
  readonly tags: Capture
  readonly requestBody: boolean
  readonly responseBody: boolean
}

/**
 * Captures outgoing calls, or none any more. What it gives is called with each invocation: it adds our hooks to those that the user
 * has for the HTTP clients by then, in place of earlier ones of ours.
 */
export function watchCalls(calls: WantedCalls | undefined): () => void {
  const own = new WeakSet<Hooks>()
  const bodies =
    calls?.requestBody || calls?.responseBody ? new PassingBodies({ request: calls.requestBody, response: calls.responseBody }) : undefined
  return () => {
    for (const name of CLIENTS) {
      const present = processState.hooks.get(name) as OwnHooks | undefined
      if (present === undefined ? calls === undefined : own.has(present)) continue
      const earlier = present?.[OURS]
      earlier?.bodies?.stop()
      const users = earlier === undefined ? present : earlier.users
      const hooks = calls === undefined ? users : bothHooks(name, users, calls.tags, bodies)
      if (hooks === undefined) processState.hooks.delete(name)
      else {
        own.add(hooks)
        processState.hooks.set(name, hooks)
      }
    }
  }
}

function bothHooks(name: string, users: Hooks | undefined, tags: Capture, bodies: PassingBodies | undefined): OwnHooks {
  const under = new WeakMap<Span, ClientCall>()
  return {
    name,
    onCall(span, call: ClientCall) {
      users?.onCall?.(span, call)
      tag(span, tags.requestTags(requestOf(call, undefined)))
      if (call.getHeader !== undefined || bodies !== undefined) under.set(span, call)
      bodies?.begin(call)
    },
    onResult(span, result: Result, error) {
      users?.onResult?.(span, result, error)
      // Headers may be set until the request is sent, and bodies pass until now.
      const call = under.get(span)
      if (call !== undefined) tag(span, tags.requestTags(requestOf(call, bodies)))
      const header = (name: string) => result?.response?.header?.(name)
      const body = () => call && bodies?.read(call, "response", header("content-encoding"))
      tag(span, tags.responseTags({ header, body }))
      // The span waits for its delivery, and what has been kept of bodies need not.
      under.delete(span)
    },
    [OURS]: { users, bodies },
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

function requestOf(call: ClientCall, bodies: PassingBodies | undefined): Message {
  const { headers, body } = call
  const header = (name: string) =>
    call.getHeader === undefined ? valuesOf(headers, name) : (call.getHeader(name) ?? valuesOf(call._header, name))
  const isGiven = typeof body === "string" || body instanceof Uint8Array
  return { header, body: () => (isGiven ? body : bodies?.read(call, "request", [header("content-encoding") ?? []].flat()[0])) }
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
