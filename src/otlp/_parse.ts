import { DecodeError } from "./_fields.ts"

const MAX_DEPTH = 128
const MAX_CONTAINERS = 1_000_000

/**
 * Parses JSON whose objects and arrays have been counted first. Three bytes such as `{},` become 56 in memory, so a body
 * within its size limit could take 20 times as much; and deep nesting would overflow the stack of whoever walks it.
 */
export function parseBounded(body: string | Uint8Array): unknown {
  const text = typeof body === "string" ? body : decodeUtf8(body)
  measure(text)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new DecodeError("body", `not JSON (${error instanceof Error ? error.message.slice(0, 120) : error})`)
  }
}

function decodeUtf8(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body)
  } catch {
    throw new DecodeError("body", "not UTF-8")
  }
}

function measure(text: string): void {
  let depth = 0
  let containers = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: // A string: only its end counts, whatever brackets are in it.
        for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++
        break
      case 0x7b:
      case 0x5b:
        if (++depth > MAX_DEPTH) throw new DecodeError("body", `nested more than ${MAX_DEPTH} levels deep`)
        if (++containers > MAX_CONTAINERS) throw new DecodeError("body", `more than ${MAX_CONTAINERS} objects and arrays`)
        break
      case 0x7d:
      case 0x5d:
        depth--
    }
  }
}
