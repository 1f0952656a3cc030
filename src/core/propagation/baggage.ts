/** W3C Baggage 3.3.2, "Limits": what every platform must be able to propagate, and all that we take or send. */
const MAX_MEMBERS = 64
const MAX_BYTES = 8192

/** RFC 9110, 5.6.2 "token". */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Reads `key=value;property, …` (W3C Baggage 3.3.1). Properties are left out; members that break the grammar are skipped. */
export function parseBaggage(headers: readonly string[]): ReadonlyMap<string, string> {
  const baggage = new Map<string, string>()
  let left = MAX_BYTES
  for (const header of headers) {
    left -= header.length
    if (left < 0) break
    for (const member of header.split(",", MAX_MEMBERS)) {
      const [pair = ""] = member.split(";", 1)
      const equals = pair.indexOf("=")
      const key = pair.slice(0, Math.max(0, equals)).trim()
      if (baggage.size < MAX_MEMBERS && TOKEN.test(key)) baggage.set(key, decode(pair.slice(equals + 1).trim()))
    }
  }
  return baggage
}

/** Writes as many members as the limits allow. A key that is not a token stays in this process. */
export function formatBaggage(baggage: ReadonlyMap<string, string>): string {
  let header = ""
  let members = 0
  for (const [key, value] of baggage) {
    if (members === MAX_MEMBERS || !TOKEN.test(key)) continue
    const member = `${header === "" ? "" : ","}${key}=${encode(value)}`
    if (header.length + member.length > MAX_BYTES) continue
    header += member
    members++
  }
  return header
}

/** What breaks percent-encoding is taken as it came. */
export function decode(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** Percent-encodes all that is not an attr-char, so that no value can end the header or start another member. */
export function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed())
}
