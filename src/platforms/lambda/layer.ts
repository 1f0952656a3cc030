import { tracer, tracerFor } from "../node/default-tracer.ts"
import { endpointOf, isDisabled } from "../node/endpoint.ts"
import { processState } from "../node/process-state.ts"
import { uptimeMs } from "../node/uptime.ts"
import { ending } from "./ending.ts"
import { startExtension } from "./extension.ts"
import { neverFreezes } from "./managed-instances.ts"
import { ownExtension } from "./own-extension.ts"
import { hideOwnFrames } from "./own-frames.ts"
import { isSupported } from "./supported.ts"
import { type AnyHandler, traceHandler } from "./with-tracing.ts"

/**
 * Before the function's module is loaded: the tracer, and the request to register, which is answered meanwhile. The integrations
 * start to watch when Init is over.
 */
export function prepare(): void {
  if (!isSupported() || isDisabled(process.env)) return
  if (endpointOf(process.env) !== undefined) ownExtension()
  tracerFor({})
}

/**
 * For a server that answers invocations from another process than the runtime's: any process may register during Init, and the
 * ids of the invocations tell it which ones are its own.
 */
export function joinAsServer(): void {
  const api = process.env["AWS_LAMBDA_RUNTIME_API"]
  if (!isSupported() || isDisabled(process.env) || endpointOf(process.env) === undefined || api === undefined || neverFreezes()) return
  // The runtime forwards the event first.
  processState.extension ??= startExtension({ api, name: "antifreeze", unclaimedMs: 500, report: processState.report })
  // Lambda ends Init only once we have asked for the first event.
  processState.extension.registered()
}

/** `withTracing` for the handler that the runtime would have loaded. */
export function traceLoaded(handler: AnyHandler, ownFolder: string): AnyHandler {
  const traced = traceHandler(
    handler,
    {},
    { called: (self) => nameMethod(self, handler), touchUp: (error) => hideOwnFrames(error, ownFolder) },
  )
  processState.extension?.registered()
  return traced
}

const named = new WeakSet<object>()

/**
 * Stacks say `Runtime.handler` because V8 finds the function that runs as a property of what it was called on, or of its prototype.
 * The runtime's own property is our function; behind it, where nothing else looks, we leave the one that V8 looks for.
 */
function nameMethod(self: unknown, handler: AnyHandler): void {
  try {
    if (self === null || typeof self !== "object" || named.has(self)) return
    named.add(self)
    const prototype: unknown = Object.getPrototypeOf(self)
    if (Object.hasOwn(self, "handler") && prototype !== null && prototype !== Object.prototype) {
      Object.defineProperty(prototype, "handler", { value: handler, configurable: true, enumerable: true, writable: true })
    }
  } catch {
    // A stack says a little less.
  }
}

/** Delivers a span for a function that could not be loaded: its process ends as soon as the error has been posted. Never rejects. */
export async function reportInitError(error: unknown): Promise<void> {
  try {
    if (!isSupported() || isDisabled(process.env) || tracer.exporter === undefined) return
    ending.initTold = true
    const span = tracer.startSpan("init", {
      ignoreActiveSpan: true,
      startTime: Date.now() - uptimeMs(),
      tags: { "span.kind": "internal", "faas.coldstart": true },
    })
    span.fail(error)
    span.finish()
    await tracer.flush()
  } catch (trouble) {
    processState.report("delivery", `the error at init was not delivered: ${String(trouble)}.`)
  }
}
