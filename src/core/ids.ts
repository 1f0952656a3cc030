import type { IdSource } from "./contracts.ts"

/**
 * Random ids from `Math.random`: V8 seeds it from the operating system for each process, and loading `node:crypto`
 * instead would cost 3 ms of every cold start. An id need only be unique, never secret.
 */
export const randomIds: IdSource = {
  traceId: () => hex(32),
  spanId: () => hex(16),
}

const DIGITS = "0123456789abcdef"

/**
 * Digit by digit: `toString(16)` of a number divides doubles, and is six times as dear. Never all zero: W3C Trace Context
 * 3.2.2.3 and 3.2.2.4 forbid ids that are.
 */
function hex(length: number): string {
  let id = ""
  while (id.length < length) {
    let random = (Math.random() * 0x1000_0000) | 0
    for (let digits = Math.min(7, length - id.length); digits > 0; digits--) {
      id += DIGITS[random & 15]
      random >>= 4
    }
  }
  return /[^0]/.test(id) ? id : id.slice(1) + 1
}

/** W3C Trace Context Level 2, 3.2.2.5.2: the right-most 7 bytes of our trace ids are random. */
export const FLAG_SAMPLED = 1
export const FLAG_RANDOM = 2
