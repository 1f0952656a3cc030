import type { Context } from "aws-lambda"
import type { Invocation } from "../../core/invoke.ts"
import type { Span } from "../../core/span.ts"
import { guard } from "../../integrations/_channel.ts"
import { endpointOf } from "../node/endpoint.ts"
import { wrongValue } from "../node/options.ts"
import { processState } from "../node/process-state.ts"
import { uptimeMs } from "../node/uptime.ts"
import { checkpoint } from "./deadline.ts"
import { ending } from "./ending.ts"
import { journalFor, recover } from "./journal.ts"
import { hasPlace, journalFolder } from "./journal-folder.ts"
import { processorShare } from "./processor.ts"
import { startWatchdog } from "./watchdog.ts"

/** Watches over one invocation for what may end it without an answer. */
export interface Vigil {
  end(): void
}

const NONE: Vigil = { end() {} }
const MAX_TIMER_MS = 2 ** 31 - 1
const JOURNAL_AFTER_MS = 100
/** How late a timer may fire before this thread is taken to be blocked. */
const WATCHDOG_MS = 20

/**
 * One timer, and one look at each span:
 *
 * 1. An invocation that lasts gets a journal: at its threshold by the timer or, when the event loop is blocked and no timer
 *    can fire, by the first span that starts or ends after it. Shorter ones never touch the disk.
 * 2. At the deadline less a margin what is known is delivered, because the process is killed at the deadline.
 */
export function keepVigil(invocation: Pick<Invocation, "root" | "batch">, context: unknown): Vigil {
  try {
    return watchOver(invocation, context)
  } catch (error) {
    processState.report("delivery", `this invocation is not watched: ${String(error)}.`)
    return NONE
  }
}

function watchOver({ root, batch }: Pick<Invocation, "root" | "batch">, context: unknown): Vigil {
  const tracer = root.tracer()
  const { exporter } = tracer
  if (exporter === undefined) return NONE
  const { journalAfterMs, marginMs } = (times ??= readTimes())
  const canJournal = exporter.urgent !== undefined && hasPlace()
  const journalMs = canJournal ? journalAfterMs : Number.POSITIVE_INFINITY
  if (canJournal) lookForJournals(exporter.urgent)
  const leftMs = (context as Partial<Context> | undefined)?.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY
  const checkpointMs = marginMs === undefined ? Number.POSITIVE_INFINITY : leftMs - Math.min(marginMs(), leftMs / 2)
  const startMs = uptimeMs()
  let ended = false
  let timer: NodeJS.Timeout | undefined
  // The first delivery waits until it runs.
  if (wantsWatchdog()) void startWatchdog(tracer)
  const { watchdog } = ending
  watchdog?.arm(Date.now() + checkpointMs + WATCHDOG_MS)
  const untold = (error: unknown) => processState.report("delivery", `the watch over this invocation failed: ${String(error)}.`)
  batch.onChange = guard((span: Span) => {
    // It was told as it stood, by somebody else.
    if (watchdog?.hasFired && span.durationUs !== undefined) span.tags.set("antifreeze.revision", 2)
    // Init is over before the root begins.
    if (journalMs > 0 && span.startUs + (span.durationUs ?? 0) - root.startUs < journalMs * 1000) return
    const journal = journalFor(processState.report)
    journal?.begin(batch)
    journal?.write(span)
  }, untold)
  if (journalMs === 0) journalFor(processState.report)?.begin(batch)
  arm(0)
  return {
    end() {
      ended = true
      watchdog?.disarm()
      clearTimeout(timer)
    },
  }

  function arm(spentMs: number): void {
    const next = spentMs < journalMs ? Math.min(journalMs, checkpointMs) : checkpointMs
    if (!(next <= MAX_TIMER_MS)) return
    timer = setTimeout(onTime, Math.max(1, next - spentMs))
    timer.unref()
  }

  /** Nothing of ours may reach the function: there is nobody else to catch it. */
  function onTime(): void {
    if (ended) return
    try {
      const spentMs = uptimeMs() - startMs
      // Timers may fire a fraction of a millisecond early.
      if (spentMs + 1 >= journalMs) journalFor(processState.report)?.begin(batch)
      if (spentMs + 1 < checkpointMs) arm(spentMs + 1)
      else if (!watchdog?.hasFired) {
        watchdog?.disarm()
        void checkpoint(batch, root, leftMs - spentMs)
      }
    } catch (error) {
      untold(error)
    }
  }
}

/** With the first invocation, and again where the endpoint did not take what was found. */
function lookForJournals(urgent: Parameters<typeof recover>[0]): void {
  if (!ending.mayBeLeft) return
  ending.mayBeLeft = false
  const folder = journalFolder()
  if (!process.getBuiltinModule("node:fs").existsSync(folder)) return
  // The handler goes first.
  const begin = () => processState.scopeManager.exclude(() => recover(urgent, folder, processState.report))
  ending.recovery = new Promise((resolve) => setImmediate(resolve))
    .then(begin)
    .catch(() => false)
    .then((done) => {
      ending.recovery = undefined
      ending.mayBeLeft = !done
    })
}

interface Times {
  readonly journalAfterMs: number
  readonly marginMs: (() => number) | undefined
}

let times: Times | undefined

/** `ANTIFREEZE_JOURNAL_AFTER` and `ANTIFREEZE_DEADLINE_MARGIN`: milliseconds, or `off` for never. */
function readTimes(): Times {
  const journal = readMs("ANTIFREEZE_JOURNAL_AFTER")
  const margin = readMs("ANTIFREEZE_DEADLINE_MARGIN")
  return {
    journalAfterMs: wantsWatchdog() ? 0 : journal === "off" ? Number.POSITIVE_INFINITY : (journal ?? JOURNAL_AFTER_MS),
    marginMs: margin === undefined ? marginMs : margin === "off" ? undefined : () => margin,
  }
}

/** `ANTIFREEZE_WATCHDOG`: see `startWatchdog`. It needs the journal, of every invocation and from its start. */
export function wantsWatchdog(): boolean {
  return (isWatched ??= process.env["ANTIFREEZE_WATCHDOG"]?.toLowerCase() === "true")
}

let isWatched: boolean | undefined

function readMs(name: string): number | "off" | undefined {
  const value = process.env[name]?.toLowerCase()
  if (value === "off") return value
  if (value && /^\d{1,9}$/.test(value)) return Number(value)
  if (value) processState.report("config", wrongValue(name, value, "Give milliseconds, or off."))
  return undefined
}

/** What a delivery needs: 100 ms for the endpoint, and our own work at this share of a processor: loading, a handshake, encoding. */
function marginMs(): number {
  const cold = processState.start.invocations <= 1
  // The watchdog makes a connection of its own, while it shares the processor with whatever blocks us.
  const workMs = !cold && !wantsWatchdog() ? 5 : endpointOf(process.env)?.startsWith("https:") ? 80 : 25
  return 100 + (workMs / processorShare()) * (wantsWatchdog() ? 2 : 1)
}
