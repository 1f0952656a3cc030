import type { IdSource } from "./contracts.ts"

/**
 * Random ids from `Math.random`: V8 seeds it from the operating system for each process, and loading `node:crypto`
 * instead would cost 3 ms of every cold start. An id need only be unique, never secret.
 */
export const randomIds: IdSource = {
  traceId: () => hex(4),
  spanId: () => hex(2),
}

const DIGITS = [..."0123456789abcdef"]
const BYTES = DIGITS.flatMap((high) => DIGITS.map((low) => high + low))

/**
 * 32 bits a word, byte by byte: before V8 has optimised it, digit by digit takes ten times as long. Never all zero: W3C Trace Context
 * 3.2.2.3 and 3.2.2.4 forbid ids that are.
 */
function hex(words: number): string {
  let id = ""
  let bits = 0
  for (let word = 0; word < words; word++) {
    const random = (Math.random() * 0x1_0000_0000) | 0
    bits |= random
    id += `${BYTES[random & 255]}${BYTES[(random >> 8) & 255]}${BYTES[(random >> 16) & 255]}${BYTES[random >>> 24]}`
  }
  return bits === 0 ? id.slice(1) + 1 : id
}

/** W3C Trace Context Level 2, 3.2.2.5.2: the right-most 7 bytes of our trace ids are random. */
export const FLAG_SAMPLED = 1
export const FLAG_RANDOM = 2
