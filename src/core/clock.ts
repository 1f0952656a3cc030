import type { Clock } from "./contracts.ts"

/** The runtime's clocks. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/** Tells the time within one trace: microseconds since the Unix epoch. */
export type TraceClock = () => number

/**
 * Reads the wall clock once, then counts on the monotonic one: spans of a trace never overlap wrongly when the wall
 * clock is set, and each trace starts afresh, because the monotonic clock stands still while an environment is suspended.
 */
export function startTraceClock(clock: Clock): TraceClock {
  const wallMs = clock.wallMs()
  const monotonicMs = clock.monotonicMs()
  return () => Math.round((wallMs + (clock.monotonicMs() - monotonicMs)) * 1000)
}
