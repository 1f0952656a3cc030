const MAX_MEMBERS = 32
const MAX_LENGTH = 512
const LONG_MEMBER = 128

/** Trace Context Level 2, 3.3.1.3: key = ( lcalpha / DIGIT ) 0*255 ( keychar ); value = 0*255(chr) nblk-chr. */
const MEMBER = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/

/**
 * One tracestate from the headers as they came, ready to be sent on; empty when it breaks the grammar (3.3.1.2 lets us
 * discard it whole) or a key stands twice. Longer than 512 characters, it loses long members first, then the last ones (3.3.1.5).
 */
export function normaliseTraceState(headers: readonly string[]): string {
  let length = 0
  for (const header of headers) length += header.length
  if (length === 0 || length > 16_384) return ""
  const members = headers
    .join(",")
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "")
  if (members.length > MAX_MEMBERS || !members.every((member) => MEMBER.test(member))) return ""
  if (new Set(members.map(keyOf)).size < members.length) return ""
  return shorten(members).join(",")
}

function shorten(members: string[]): string[] {
  const fits = () => members.join(",").length <= MAX_LENGTH
  for (let index = members.length - 1; index >= 0 && !fits(); index--) {
    if ((members[index] as string).length > LONG_MEMBER) members.splice(index, 1)
  }
  while (!fits()) members.pop()
  return members
}

function keyOf(member: string): string {
  return member.slice(0, member.indexOf("="))
}
