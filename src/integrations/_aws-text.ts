/** As much of a body as is ever looked at. */
export const MAX_TEXT = 65_536

/** The start of a body, one character for each byte. */
export function textOf(chunk: unknown): string {
  if (typeof chunk === "string") return chunk.slice(0, MAX_TEXT)
  if (!(chunk instanceof Uint8Array)) return ""
  const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
  return bytes.toString("latin1", 0, MAX_TEXT)
}

type Value = string | number | boolean

/** Finds fields by name without parsing the whole. */
export interface Body {
  readonly text: string
  /** The values of a field, wherever it stands. */
  values(key: string): Value[]
  /** The first of them. */
  value(key: string): Value | undefined
}

const JSON_VALUE = /\s*:\s*(?:"([^"\\]*)"|(-?\d[\d.]*|true|false))/y
const FORM_VALUE = /([^&]*)/y
const XML_VALUE = /([^<]*)/y

/**
 * A body in JSON, a form, XML or CBOR. What a user wrote is found nowhere: inside of strings every quote is escaped, and
 * DynamoDB's own attributes are objects, never plain values.
 */
export function bodyOf(text: string): Body {
  const first = text[0]
  const [before, after, pattern] =
    first === "{" || first === "["
      ? ['"', '"', JSON_VALUE]
      : first === "<"
        ? ["<", ">", XML_VALUE]
        : /^[\w.]+=/.test(text)
          ? ["", "=", FORM_VALUE]
          : []

  const read = (key: string, most: number) => {
    const found: Value[] = []
    if (text === "") return found
    const name = before === undefined ? cborText(key) : before + key + after
    for (let at = text.indexOf(name); at >= 0 && found.length < most; at = text.indexOf(name, at + name.length)) {
      const start = at + name.length
      if (pattern === FORM_VALUE && at > 0 && text[at - 1] !== "&") continue
      const value = pattern === undefined ? cborValue(text, start) : matched(pattern, text, start)
      if (value !== undefined) found.push(typeof value === "string" ? apart(text, value) : value)
    }
    return found
  }
  return { text, values: (key) => read(key, 128), value: (key) => read(key, 1)[0] }
}

function matched(pattern: RegExp, text: string, start: number): Value | undefined {
  // What nearly all are, without the regular expression.
  if (pattern === JSON_VALUE && text.startsWith(':"', start)) {
    const value = text.slice(start + 2, text.indexOf('"', start + 2))
    return value.includes("\\") ? undefined : value
  }
  pattern.lastIndex = start
  const [, string, literal] = pattern.exec(text) ?? []
  if (string !== undefined) return pattern === FORM_VALUE ? unescape(string.replaceAll("+", " ")) : string
  return literal === undefined ? undefined : (JSON.parse(literal) as Value)
}

/** The JSON of an object by its key, or of each in a list of them. What is within may have no braces in its strings. */
export function objectsOf(text: string, key: string): string[] | undefined {
  const name = `"${key}":`
  const at = text.indexOf(name)
  const from = at + name.length
  const isList = text[from] === "["
  if (at < 0 || !(isList || text[from] === "{")) return undefined
  const found: string[] = []
  let depth = 0
  let start = from
  for (let index = from; index < text.length; index++) {
    const character = text.charCodeAt(index)
    if (character === 0x7b && depth++ === 0) start = index
    if (character === 0x7d && --depth === 0) found.push(apart(text, text.slice(start, index + 1)))
    if (depth === 0 && (!isList || character === 0x5d)) return found
  }
  return undefined
}

/** A part of a long text keeps all of it in memory for as long as the span lives, unless it is copied. */
function apart(text: string, part: string): string {
  return text.length > 1024 ? Buffer.from(part).toString() : part
}

/** A whole JSON value by its key, where the text holds all of it. */
export function jsonOf(text: string, key: string): unknown {
  const at = text.indexOf(`"${key}":`)
  if (at < 0) return undefined
  const start = at + key.length + 3
  let depth = 0
  for (let index = start; index < text.length; index++) {
    const character = text[index]
    if (character === "{" || character === "[") depth++
    else if ((character === "}" || character === "]") && --depth <= 0) {
      try {
        return JSON.parse(text.slice(start, index + 1))
      } catch {
        // A brace within a string.
      }
    }
  }
  return undefined
}

export function unescape(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** RFC 8949, 3.1: major type 3, with its length. */
function cborText(text: string): string {
  return (text.length < 24 ? String.fromCharCode(0x60 + text.length) : `\x78${String.fromCharCode(text.length)}`) + text
}

function cborValue(text: string, at: number): Value | undefined {
  const head = text.charCodeAt(at)
  const major = head >> 5
  const more = head & 31
  if (head === 0xf4 || head === 0xf5) return head === 0xf5
  if ((major !== 3 && major !== 0) || more > 26) return undefined
  const bytes = more < 24 ? 0 : 1 << (more - 24)
  let value = bytes === 0 ? more : 0
  for (let index = 1; index <= bytes; index++) value = value * 256 + text.charCodeAt(at + index)
  const start = at + 1 + bytes
  return major === 0 ? value : text.slice(start, start + value)
}
