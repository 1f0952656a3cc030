import { readdirSync, readFileSync } from "node:fs"

/** The length of a period of Lambda's CPU quota. */
const periodMs = 20

/**
 * Gives the process `pid` the share (0 to 1) of one CPU, as the quota of Linux's scheduler does: in each period it may use
 * `share` of it, then it stands until the next. Returns the end of it, which lets the process run.
 */
export function throttle(pid: number, share: number, stop: () => void, go: () => void): () => void {
  const quotaMs = share * periodMs
  const usedMs = meter(pid)
  let leftMs = quotaMs
  let seenMs = usedMs(true)
  let standing = false
  let periodEndsMs = performance.now() + periodMs
  let timer: NodeJS.Timeout

  function tick(): void {
    const now = performance.now()
    // Threads that ended take their time with them, so the sum may shrink.
    const sumMs = usedMs(!standing)
    leftMs -= Math.max(0, sumMs - seenMs)
    seenMs = sumMs
    for (; now >= periodEndsMs; periodEndsMs += periodMs) leftMs = Math.min(quotaMs, leftMs + quotaMs)
    if (leftMs > 0 && standing) go()
    if (leftMs <= 0 && !standing) stop()
    standing = leftMs <= 0
    const waitMs = standing ? periodEndsMs - now : Math.max(1, leftMs)
    timer = setTimeout(tick, waitMs)
  }
  timer = setTimeout(tick, Math.max(1, leftMs))
  return () => {
    clearTimeout(timer)
    if (standing) go()
  }
}

/** Reads the CPU milliseconds used so far. Where the system does not tell, all the time the process was let run counts. */
function meter(pid: number): (running: boolean) => number {
  if (cpuMs(pid) !== undefined) return () => cpuMs(pid) ?? 0
  let totalMs = 0
  let lastMs = performance.now()
  return (running) => {
    const now = performance.now()
    if (running) totalMs += now - lastMs
    lastMs = now
    return totalMs
  }
}

function cpuMs(pid: number): number | undefined {
  let totalNs = 0
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      totalNs += Number.parseInt(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1"), 10)
    }
    // An exec wrapper that does not `exec` has the runtime as its child.
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ")) {
      if (child) totalNs += (cpuMs(Number(child)) ?? 0) * 1e6
    }
  } catch {
    return totalNs ? totalNs / 1e6 : undefined
  }
  return totalNs / 1e6
}
