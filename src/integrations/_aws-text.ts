/** The start of a body, one character for each byte. Enough to find a field without parsing the whole. */
export type BodyText = string

/** As much of a body as is ever looked at. */
export const MAX_TEXT = 65_536

export function textOf(chunk: unknown): BodyText {
  if (typeof chunk === "string") return chunk.slice(0, MAX_TEXT)
  if (!(chunk instanceof Uint8Array)) return ""
  return Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(chunk.length, MAX_TEXT)).toString("latin1")
}

const JSON_VALUE = /\s*:\s*(?:"([^"\\]*)"|(-?\d[\d.]*|true|false))/y
const FORM_VALUE = /([^&]*)/y
const XML_VALUE = /([^<]*)/y

/**
 * The values of a field by its name, wherever it stands, in JSON, a form, XML or CBOR. What a user wrote is found
 * nowhere: inside of strings every quote is escaped, and DynamoDB's own attributes are objects, never plain values.
 */
export function valuesOf(text: BodyText, key: string): (string | number | boolean)[] {
  const found: (string | number | boolean)[] = []
  const isXml = text.startsWith("<")
  const isJson = /^\s*[{[]/.test(text)
  const isForm = !isXml && !isJson && /^[\w.]+=/.test(text)
  const name = isJson ? `"${key}"` : isXml ? `<${key}>` : isForm ? `${key}=` : cborText(key)
  const form = isJson ? JSON_VALUE : isXml ? XML_VALUE : FORM_VALUE
  for (let at = text.indexOf(name); at >= 0 && found.length < 128; at = text.indexOf(name, at + name.length)) {
    const start = at + name.length
    if (isForm && at > 0 && text[at - 1] !== "&") continue
    if (!isXml && !isForm && !isJson) {
      const value = cborValue(text, start)
      if (value !== undefined) found.push(value)
      continue
    }
    form.lastIndex = start
    const [, string, literal] = form.exec(text) ?? []
    if (string !== undefined) found.push(isForm ? decode(string) : string)
    else if (literal !== undefined) found.push(JSON.parse(literal) as number | boolean)
  }
  return found
}

export function valueOf(text: BodyText, key: string): string | number | boolean | undefined {
  return valuesOf(text, key)[0]
}

/** A whole JSON value by its key, where the text holds all of it. */
export function jsonOf(text: BodyText, key: string): unknown {
  const at = text.indexOf(`"${key}":`)
  if (at < 0) return undefined
  const start = at + key.length + 3
  let depth = 0
  for (let index = start; index < text.length; index++) {
    const character = text[index]
    if (character === "{" || character === "[") depth++
    else if ((character === "}" || character === "]") && --depth <= 0) return parse(text.slice(start, index + 1))
  }
  return undefined
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll("+", " "))
  } catch {
    return value
  }
}

/** RFC 8949, 3.1: major type 3, with its length. */
function cborText(text: string): string {
  return (text.length < 24 ? String.fromCharCode(0x60 + text.length) : `\x78${String.fromCharCode(text.length)}`) + text
}

function cborValue(text: BodyText, at: number): string | number | boolean | undefined {
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
