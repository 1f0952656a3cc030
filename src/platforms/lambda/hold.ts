import type { Context } from "aws-lambda"
import type { SpanRecord } from "../../core/contracts.ts"
import type { Span } from "../../core/span.ts"
import type { Tracer } from "../../core/tracer.ts"
import { guard } from "../../integrations/_channel.ts"
import { processState } from "../node/process-state.ts"
import { mapStacks } from "../node/source-maps.ts"
import { uptimeMs } from "../node/uptime.ts"
import { beginBeside, besideIsOver, waitForCompany } from "./adaptive.ts"
import type { DeliveryMode } from "./delivery-mode.ts"
import { ending } from "./ending.ts"
import { deliverSoon, neverFreezes } from "./managed-instances.ts"
import { settleJournal } from "./outbox.ts"
import { noteDelivery } from "./self-report.ts"
import { wantsWatchdog } from "./vigil.ts"
import { startWatchdog } from "./watchdog.ts"

/** What is left of the function's timeout when a delivery must be over. */
const MARGIN_MS = 30

/** One invocation's hold on the freeze, from its start to the end of its delivery. */
export interface Hold {
  readonly requestId: string
  /** Delivers after the response where the freeze is held; otherwise gives the promise that the response has to wait for. */
  settle(take: () => SpanRecord[]): Promise<unknown> | undefined
  /** For an answer that the runtime posts only once the event loop is empty (callbackWaitsForEmptyEventLoop). */
  waitForEmptyLoop(): void
  /** Such an answer may come: nothing of ours may keep the event loop busy until then. */
  keepQuiet(): void
  /** Lets go without a delivery. */
  abandon(): void
}

/**
 * Claims the invocation from the extension. Then the response goes out first:
 *
 * 1. The handler's promise settles, the root span is finished, and the result is handed to the runtime.
 * 2. The runtime posts the response: in the next microtask (aws-lambda-ric 3) or after one `setImmediate` (4), synchronously.
 * 3. After two `setImmediate` hops that is behind us on both. Only now the batch is encoded and delivered.
 * 4. The extension asks for its next event, and Lambda may freeze.
 */
export function openHold(tracer: Tracer, context: unknown, mode: DeliveryMode): Hold {
  const { awsRequestId } = (context ?? {}) as Partial<Context>
  const requestId = String(awsRequestId ?? "")
  const claimed = processState.extension?.claim(requestId) ?? false
  let isQuiet = false
  const isAdaptive = claimed && mode === "adaptive"
  // The first one is delivered at once in any case, and its response does not wait for what this loads.
  if (isAdaptive && processState.start.invocations > 0) {
    const deadlineMs = () => leftMs(context)
    guard(beginBeside, untold)(deadlineMs, () => isQuiet)
  }
  const release = () => processState.extension?.release(requestId)
  let whenPosted = (then: () => void): unknown => afterHops(2, then)
  return {
    requestId,
    settle(take) {
      if (claimed && mode !== "before") {
        // Nothing of the delivery is looked at before the response is out: the exporter's code is loaded when it is first asked for.
        whenPosted(() => {
          void deliver(tracer, take, context, isAdaptive).then(release)
        })
        return undefined
      }
      if (tracer.exporter === undefined) {
        take()
        release()
        return undefined
      }
      if (!neverFreezes()) return deliver(tracer, take, context).then(release)
      deliverSoon(tracer, take(), (from, spans) => deliver(from, () => spans, undefined))
      return undefined
    },
    waitForEmptyLoop() {
      whenPosted = (then) => process.once("beforeExit", () => afterHops(3, then))
    },
    keepQuiet() {
      isQuiet = true
    },
    abandon: release,
  }
}

/** Calls `then` after so many turns of the event loop's check phase. */
function afterHops(hops: number, then: () => void): void {
  setImmediate(hops === 1 ? then : () => afterHops(hops - 1, then))
}

/** Delivers the batch, with the spans of no invocation, within the time that the function has left. Never rejects. */
async function deliver(tracer: Tracer, take: () => SpanRecord[], context: unknown, isAdaptive = false): Promise<void> {
  const startMs = uptimeMs()
  let all: SpanRecord[] = []
  try {
    // Until then the spans stay where the end of the process finds them.
    if (isAdaptive) await besideIsOver()
    all = [...(processState.tracer?.loose.take() ?? []), ...(tracer === processState.tracer ? [] : tracer.loose.take()), ...take()]
    mapStacks(all)
    const waits = isAdaptive && waitForCompany(tracer, all)
    const deadlineMs = leftMs(context)
    // What an earlier process has left goes out beside this; frozen in the middle of it, nobody would know whether it has arrived.
    const [delivery] = await Promise.all([
      waits ? undefined : tracer.scopeManager.exclude(() => tracer.exporter?.export(all, deadlineMs)),
      settledWithin(ending.recovery, deadlineMs),
      wantsWatchdog() && settledWithin(startWatchdog(tracer), deadlineMs),
    ])
    if (delivery !== undefined && (delivery.kept > 0 || ending.journal || ending.outbox)) settleJournal(delivery, all, tracer)
  } catch (error) {
    untold(error)
    // Tried again with the next one.
    for (const span of all as Span[]) {
      tracer.loose.started(span)
      tracer.loose.finished(span)
    }
  }
  noteDelivery(startMs)
}

function untold(error: unknown): void {
  processState.report("delivery", `the delivery failed: ${String(error)}.`)
}

/** How long a delivery may take that begins now. */
function leftMs(context: unknown): number | undefined {
  const ms = (context as Partial<Context> | undefined)?.getRemainingTimeInMillis?.()
  return typeof ms === "number" ? Math.max(0, ms - MARGIN_MS) : undefined
}

/** The deadline is the function's, whatever an earlier process has left. */
async function settledWithin(recovery: Promise<unknown> | undefined, deadlineMs = Number.POSITIVE_INFINITY): Promise<void> {
  if (recovery === undefined || deadlineMs === Number.POSITIVE_INFINITY) return void (await recovery)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs)
  })
  await Promise.race([recovery, late])
  clearTimeout(timer)
}
