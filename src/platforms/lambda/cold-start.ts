import type { Span } from "../../core/span.ts"
import { processState } from "../node/process-state.ts"
import { uptimeMs } from "../node/uptime.ts"

/** Started longer ago than this, the environment was prepared ahead of its first invocation (proactive initialisation). */
const PROACTIVE_MS = 10_000

const { start } = processState

/**
 * Init ends when the module that called `withTracing` has been evaluated: at the next turn of the event loop. In the turn after it the
 * runtime has asked for its first event, and waits: there `then` is called, for what the first invocation needs but Init does not.
 */
export function beginInit(then: () => void): void {
  setImmediate(() => {
    start.initEndMs ??= uptimeMs()
    setImmediate(then)
  })
}

/** Whether the invocation that begins had to wait for its environment. */
export function isColdStart(): boolean {
  if (start.invocations > 0) return false
  const onDemand = (process.env["AWS_LAMBDA_INITIALIZATION_TYPE"] ?? "on-demand") === "on-demand"
  return onDemand && uptimeMs() < PROACTIVE_MS + (start.initEndMs ?? 0)
}

/** Counts the invocation; of a cold one, draws the time from the start of the process to its readiness as a child span. */
export function drawInit(root: Span): void {
  const cold = isColdStart()
  start.invocations++
  if (!cold || process.env["AWS_LAMBDA_RUNTIME_API"] === undefined) return
  const startedAtMs = Date.now() - uptimeMs()
  root
    .tracer()
    .startSpan("init", { childOf: root, startTime: startedAtMs, tags: { "span.kind": "internal" } })
    .finish(startedAtMs + (start.initEndMs ?? uptimeMs()))
}
