import { uptimeMs } from "./uptime.ts"

const TICK_MS = 20
/** Later than this, a tick has waited for the process rather than for the time. */
const LATE_MS = 2

/**
 * Runs `task`, and aborts its signal once the process has *idled* for `boundMs` meanwhile: time in which it could do nothing
 * but wait for the other side. Time spent computing does not count, so a TLS handshake at 128 MB of memory, which gets a
 * fourteenth of a processor, is not taken for an endpoint that hangs. After `maxMs` the signal is aborted in any case.
 *
 * Idle is what passes in ticks without the processor's time; one that is late by some time has waited for the processor as long.
 * Node's own `eventLoopUtilization` would cost the first delivery a millisecond or more, and takes a freeze for idleness.
 */
export async function boundIdle<T>(boundMs: number, maxMs: number, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const endMs = uptimeMs() + maxMs
  let idleMs = 0
  let timer = tick()
  try {
    return await task(controller.signal)
  } finally {
    clearTimeout(timer)
  }

  function tick(): NodeJS.Timeout {
    const fromMs = uptimeMs()
    const before = process.cpuUsage()
    const askedMs = Math.min(TICK_MS, boundMs - idleMs, endMs - fromMs)
    return setTimeout(() => {
      const spentMs = uptimeMs() - fromMs
      const lateMs = spentMs - askedMs
      const { user, system } = process.cpuUsage(before)
      const onTimeMs = lateMs > LATE_MS ? askedMs - lateMs : spentMs
      idleMs += Math.max(0, Math.min(onTimeMs, spentMs - (user + system) / 1000))
      if (Math.min(boundMs - idleMs, endMs - uptimeMs()) < 1) controller.abort(new Error(`no answer within ${Math.round(boundMs)} ms`))
      else timer = tick()
    }, askedMs)
  }
}
