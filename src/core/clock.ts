import type { Clock } from "./contracts.ts"

/** The runtime's clocks. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
}

/**
 * Tells the time within one trace, in microseconds since the Unix epoch. Reads the wall clock once, then counts on the monotonic
 * one: spans of a trace never overlap wrongly when the wall clock is set, and each trace starts afresh, because the monotonic
 * clock stands still while an environment is suspended.
 */
export class TraceClock {
  readonly startUs: number
  readonly #clock: Clock
  readonly #startMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.startUs = Math.round(clock.wallMs() * 1000)
    this.#startMs = clock.monotonicMs()
  }

  nowUs(): number {
    return Math.round(this.startUs + (this.#clock.monotonicMs() - this.#startMs) * 1000)
  }
}
