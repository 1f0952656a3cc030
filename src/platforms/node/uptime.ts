/**
 * Milliseconds since the process started, on a clock that never goes back: what `performance.now()` says, but the first use of
 * `performance` has Node load `node:perf_hooks`, which costs a start 1 ms.
 */
export function uptimeMs(): number {
  return process.uptime() * 1000
}
