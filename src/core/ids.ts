import type { IdSource } from "./contracts.ts"

/**
 * Random ids from `Math.random`: V8 seeds it from the operating system for each process, and loading `node:crypto`
 * instead would cost 3 ms of every cold start. An id need only be unique, never secret.
 */
export const randomIds: IdSource = {
  traceId: () => hex64() + hex64(),
  spanId: () => hex64(),
}

/** 16 hex digits, never all zero (W3C Trace Context 3.2.2.3 and 3.2.2.4 forbid zero ids). */
function hex64(): string {
  const high = (Math.random() * 0x1_0000_0000) >>> 0
  const low = (Math.random() * 0x1_0000_0000) >>> 0
  return hex32(high) + hex32(high === 0 && low === 0 ? 1 : low)
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0")
}

/** W3C Trace Context Level 2, 3.2.2.5.2: the right-most 7 bytes of our trace ids are random. */
export const FLAG_SAMPLED = 1
export const FLAG_RANDOM = 2
