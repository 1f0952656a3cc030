import type { IdSource } from "./contracts.ts"

/**
 * Random ids from `Math.random`: V8 seeds it from the operating system for each process, and loading `node:crypto`
 * instead would cost 3 ms of every cold start. An id need only be unique, never secret.
 */
export const randomIds: IdSource = {
  traceId: () => thirteen() + thirteen() + six(),
  spanId: () => thirteen() + six().slice(3),
}

/** As many hex digits as one random number has. */
function thirteen(): string {
  return ((1 + Math.random()) * 2 ** 52).toString(16).slice(1)
}

/** The last three are never all zero: W3C Trace Context 3.2.2.3 and 3.2.2.4 forbid ids that are. */
function six(): string {
  const random = (Math.random() * 0x1_000_000) | 0
  return (0x1_000_000 + ((random & 0xfff) === 0 ? random + 1 : random)).toString(16).slice(1)
}

/** W3C Trace Context Level 2, 3.2.2.5.2: the right-most 7 bytes of our trace ids are random. */
export const FLAG_SAMPLED = 1
export const FLAG_RANDOM = 2
