import { captureOf, type Wanted } from "../../core/capture.ts"
import type { Capture, Tags } from "../../core/contracts.ts"
import { errorFacts, TracingError } from "../../core/errors.ts"
import type { MaskOptions } from "../../core/mask.ts"
import type { Span } from "../../core/span.ts"
import { captureInvocation } from "../lambda/capture-invocation.ts"
import { readCapture } from "./capture-variables.ts"
import { type Hooks, processState } from "./process-state.ts"

/** What is captured; each wins over its variable. Nothing is, unless asked for. */
export interface CaptureOptions extends Wanted {
  /** The event that woke the function, as `antifreeze.event` (`ANTIFREEZE_CAPTURE=event`). */
  readonly event?: boolean
  /** What the handler gave back, as `antifreeze.result` (`ANTIFREEZE_CAPTURE=result`). */
  readonly result?: boolean
  /** The same of outgoing calls. Of bodies only what is given to undici as text or bytes can be seen. */
  readonly calls?: Omit<Wanted, "responseBody">
  /** Most bytes of each captured value (`ANTIFREEZE_CAPTURE_MAX_BYTES`; default 4,096). */
  readonly maxBytes?: number
  /** More names of secrets, in any letter case and with any separators (`ANTIFREEZE_CAPTURE_MASK`). */
  readonly maskNames?: readonly string[]
  /**
   * Called for each value before it is masked, with the nearest name: gives what is to be shown instead, `undefined` for nothing.
   * A value that it throws for is not shown. It must not change what it is given.
   */
  readonly mask?: (key: string, value: unknown) => unknown
}

const DEFAULT_MAX_BYTES = 4_096

/**
 * Captures events, results, headers and bodies from here on, for all handlers in this process: masked by the names of keys and by
 * the looks of secrets, however they are nested or encoded, and bounded. Options win over the environment; the last call counts.
 *
 * @returns what the middleware of a framework takes: `app.use(tracing({ capture }))`.
 * @throws {TracingError} `ERR_CONFIG` when an option has a wrong value.
 */
export function capture(options: CaptureOptions = {}): Capture {
  const { mask, ...wanted } = check({ ...readCapture(process.env, processState.report), ...options })
  const masking: MaskOptions = {
    maxBytes: wanted.maxBytes ?? DEFAULT_MAX_BYTES,
    names: wanted.maskNames ?? [],
    mask,
    onMistake: (error) => processState.report("capture", `mask(key, value) failed: ${errorFacts(error).kind}. The value is not sent.`),
  }
  const incoming = captureOf(wanted, masking)
  const watchCalls = hookCalls(wanted.calls && captureOf(wanted.calls, masking))
  const invocation = captureInvocation(wanted, incoming, masking)
  processState.capture = (trigger, event) => {
    // The user's own hooks may have come since.
    watchCalls()
    return invocation(trigger, event)
  }
  return incoming
}

function check(options: CaptureOptions): CaptureOptions {
  const { maxBytes, mask, calls } = options
  const wrong = (name: string, value: unknown, hint: string) => new TracingError("ERR_CONFIG", `${name} is ${String(value)}. ${hint}`)
  if (maxBytes !== undefined && !(maxBytes >= 0)) throw wrong("maxBytes", maxBytes, "Give a number of bytes.")
  if (mask !== undefined && typeof mask !== "function") throw wrong("mask", mask, "Give a function of a key and a value.")
  for (const [name, list] of Object.entries({ ...pick(options), ...(calls && pick(calls)), maskNames: options.maskNames })) {
    if (list !== undefined && !Array.isArray(list)) throw wrong(name, list, "Give a list of names.")
  }
  return options
}

function pick({ requestHeaders, responseHeaders }: Wanted): object {
  return { ...(requestHeaders && { requestHeaders }), ...(responseHeaders && { responseHeaders }) }
}

/** The HTTP clients, by the names of their integrations. */
const CLIENTS = ["http", "undici", "http2"]
const OURS = Symbol.for("antifreeze.capture")
type OwnHooks = Hooks & { readonly [OURS]?: Hooks | undefined }

/** Adds ours to the hooks that the user has for the HTTP clients, in place of earlier ones of ours. */
function hookCalls(calls: Capture | undefined): () => void {
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
  return {
    name,
    onCall(span, call: ClientCall) {
      users?.onCall?.(span, call)
      tag(span, calls.requestTags(requestOf(call)))
    },
    onResult(span, result: Result, error) {
      users?.onResult?.(span, result, error)
      tag(span, calls.responseTags({ header: (header) => result?.header?.(header) }))
    },
    [OURS]: users,
  }
}

type Result = { readonly header?: (name: string) => unknown } | undefined

function tag(span: Span, tags: Tags): void {
  span.addTags(tags as Record<string, unknown>)
}

/** A request of node:http (`getHeader`), undici (a list, or text in version 5) or node:http2 (an object). */
interface ClientCall {
  getHeader?(name: string): unknown
  readonly headers?: unknown
  readonly body?: unknown
}

function requestOf(call: ClientCall): { header(name: string): unknown; body?: () => unknown } {
  if (typeof call.getHeader === "function") return { header: (name) => call.getHeader?.(name) }
  const { headers, body } = call
  const isSeen = typeof body === "string" || body instanceof Uint8Array
  return {
    header: (name) => pairsOf(headers).flatMap(([key, value]) => (key === name ? [value] : [])),
    ...(isSeen && { body: () => body }),
  }
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
