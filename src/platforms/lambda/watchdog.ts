import type { Target } from "../../core/contracts.ts"
import type { Report } from "../../core/report.ts"
import type { Tracer } from "../../core/tracer.ts"
import { wantsProxy } from "../node/proxy.ts"
import { ending, type Watchdog } from "./ending.ts"
import { journalFor } from "./journal.ts"
import { hasPlace } from "./journal-folder.ts"
import { type WatcherData, watcher } from "./watcher.ts"

const IDLE = 0
const ARMED = 1
const FIRED = 2
const COUNT = 4
/** Longest wait for the thread to be there. */
const START_MS = 500

/**
 * Starts, once, the thread that looks on while this one is blocked (see `watcher`), and resolves when it runs. Invocations find it as
 * `ending.watchdog` at once: what they set before it runs it reads then. Without a journal there is nothing to look at. Never rejects.
 */
export function startWatchdog({ exporter, report }: Tracer): Promise<void> {
  const target = hasPlace() ? exporter?.urgent?.target?.() : undefined
  return (started ??= target === undefined ? Promise.resolve() : startFor(target, report))
}

let started: Promise<void> | undefined

async function startFor(target: Target, report: Report): Promise<void> {
  const file = journalFor(report)?.file
  if (file === undefined) return
  try {
    const { url, headers, tls } = target
    const shared = new SharedArrayBuffer(16)
    const data: WatcherData = {
      cells: new Int32Array(shared, 0, 2),
      atMs: new Float64Array(shared, 8, 1),
      file,
      url,
      headers,
      tls,
      proxied: wantsProxy(new URL(url), process.env),
    }
    const running = start(data, (error) => {
      ending.watchdog = undefined
      none(error)
    })
    ending.watchdog = create(data)
    await running
  } catch (error) {
    none(error)
  }

  function none(error: unknown): void {
    report("watchdog", `there is no watchdog: ${String(error)}.`)
  }
}

function create({ cells, atMs }: WatcherData): Watchdog {
  let state = IDLE
  return {
    arm(ms) {
      state = ((state + COUNT) & 0x3fff_fffc) | ARMED
      atMs[0] = ms
      Atomics.store(cells, 0, state)
      // Deadlines only grow, so a thread that waits for an earlier one wakes in time by itself.
      if (Atomics.load(cells, 1) === 1) Atomics.notify(cells, 0)
    },
    disarm() {
      Atomics.compareExchange(cells, 0, state, (state & ~3) | IDLE)
    },
    get hasFired() {
      return Atomics.load(cells, 0) === (state & ~3) + FIRED
    },
  }
}

function start(workerData: WatcherData, onEnd: (error: unknown) => void): Promise<void> {
  const { Worker } = process.getBuiltinModule("node:worker_threads")
  // What the function's own process was started with is not meant for this thread: preloads, loaders, flags.
  const { NODE_OPTIONS: _, ...env } = process.env
  const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 }
  const worker = new Worker(`(${watcher})()`, { eval: true, workerData, env, execArgv: [], resourceLimits })
  worker.unref()
  worker.on("error", onEnd)
  return new Promise((resolve) => {
    worker.on("online", resolve)
    setTimeout(resolve, START_MS).unref()
  })
}
