import { namesSecret } from "./secret-names.ts"

/** What stands in the place of a secret. The conventions' own word (`url.query`). */
export const REDACTED = "REDACTED"

/** Masks what was found within, in another encoding: gives the text itself where there is nothing to mask. */
export type Inner = (text: string) => string

/**
 * Masks secrets in a text of any form, also one that was cut off: what goes by a secret's name (JSON, forms, headers, XML,
 * multipart, command lines, prose), what has the looks of one, and the same in what is encoded as base64 or for a URL.
 *
 * Linear: each expression either has a bounded length, or begins where the match before it has ended and looks at each character once.
 */
export function maskText(text: string, more: readonly string[], inner: Inner): string {
  // Strings within strings, so deep that nobody reads them, in a text that was cut off: what is a value there cannot be told.
  const deep = text.search(/\\{16}/)
  let clean = cutPrivateKeys(deep < 0 ? text : `${text.slice(0, deep)}[nested]`)
  // Escapes that hide letters of a name; JSON that parses has none left.
  if (clean.includes("\\u00")) clean = clean.replace(/\\u00([3-7][0-9a-f])/gi, (all, hex: string) => letterOf(hex) ?? all)
  clean = maskNamed(clean, more)
  // What is masked within base64 makes something else of the rest: it is decoded first.
  return maskLooks(maskEncoded(clean, inner))
}

function letterOf(hex: string): string | undefined {
  const letter = String.fromCharCode(Number.parseInt(hex, 16))
  return /[\w.-]/.test(letter) ? letter : undefined
}

/** RFC 7468; to the end of the text where the key was cut off. */
function cutPrivateKeys(text: string): string {
  let clean = ""
  let from = 0
  for (;;) {
    const begin = text.indexOf("-----BEGIN ", from)
    if (begin < 0) return clean + text.slice(from)
    const isPrivate = /PRIVATE|OPENSSH|ENCRYPTED/.test(text.slice(begin, begin + 60))
    const end = text.indexOf("-----END ", begin)
    const after = end < 0 ? text.length : Math.min(text.length, text.indexOf("-----", end + 9) + 5 || text.length)
    clean += isPrivate ? text.slice(from, begin) + REDACTED : text.slice(from, after)
    from = Math.max(after, begin + 11)
    if (end < 0) return clean
  }
}

/** Whatever is not ASCII counts as a letter: to compile classes of Unicode takes a millisecond. */
const WORD = /[\w.$\u0080-\uffff-]{2,}/g
/** What stands between a name and its value. */
const SEPARATOR = /(\\*["'`])?(?:\s*\])?(?:\s|\\+[nrt])*(=>|:=|[:=])(?:\s|\\+[nrt])*/y
const CLOSER = /\\*["'`]/y
const OPENER = /(\\*)(["'`])/y
/** RFC 7578: the end of the line with the name, other headers, an empty line. */
const PART = /"[^\r\n]{0,200}\r?\n(?:[^\r\n]{1,200}\r?\n){0,4}\r?\n/y
/** The next in a list of names and values by turns. */
const LISTED = /\\*["'`](?:\s|\\+[nrt])*,(?:\s|\\+[nrt])*(\\*)(["'`])/y
const NAMING = /(?:name|key|id|field|header|attribute)\\*["'`]\s*:\s*\\*["'`]$|name=\\+"$/i
const TAG = /[^<>]*>/y

function maskNamed(text: string, more: readonly string[]): string {
  let clean = ""
  let kept = 0
  let before = ""
  let beforeEnd = -2
  WORD.lastIndex = 0
  for (let found = WORD.exec(text); found !== null; found = WORD.exec(text)) {
    const [word] = found
    const end = found.index + word.length
    // "api key", in two words.
    const isSecond = found.index === beforeEnd + 1
    const name = isSecond ? `${before}${word}` : word
    const begin = isSecond ? beforeEnd - before.length : found.index
    before = word.slice(-40)
    beforeEnd = end
    if (!namesSecret(name, more)) continue
    const value = valueAfter(text, begin, word, end)
    if (value === undefined) continue
    clean += text.slice(kept, value.start) + REDACTED
    kept = value.end
    WORD.lastIndex = value.end
  }
  return clean + text.slice(kept)
}

interface Range {
  readonly start: number
  readonly end: number
}

/** Where the value of this name is, to the end of the text where nothing says how far it goes. */
function valueAfter(text: string, begin: number, word: string, end: number): Range | undefined {
  const separator = match(SEPARATOR, text, end)
  if (separator !== null) {
    const start = end + separator[0].length
    const opener = match(OPENER, text, start)
    if (opener !== null) return quoted(text, start + opener[0].length, opener[2] as string, (opener[1] as string).length)
    const first = text[start]
    if (first === "{" || first === "[") return { start, end: text.length }
    if (/^(?:true|false|null)\b/.test(text.slice(start, start + 6))) return undefined
    return upTo(text, start, separator[2] === "=" ? /[\s&"'`<>]/g : separator[1] === undefined ? /[\r\n"'`]/g : /[\s,}\]]/g)
  }
  if (/["'`]/.test(text[begin - 1] ?? "")) {
    // { "name": "password", …, or a form within a string: how far the value goes cannot be told from a text that was cut off.
    if (NAMING.test(text.slice(Math.max(0, begin - 64), begin))) {
      const start = end + (match(CLOSER, text, end)?.[0].length ?? 0)
      return start < text.length ? { start, end: text.length } : undefined
    }
    const next = match(LISTED, text, end)
    if (next !== null) return quoted(text, end + next[0].length, next[2] as string, (next[1] as string).length)
  }
  if (/[<:]/.test(text[begin - 1] ?? "")) return element(text, word, end)
  if (text.slice(begin - 6, begin) === 'name="') {
    const part = match(PART, text, end)
    if (part !== null) return upTo(text, end + part[0].length, /\r?\n--/g)
  }
  // --password hunter2
  if (word.startsWith("--") && text[end] === " ") return upTo(text, end + 1, /\s/g)
  return undefined
}

/** To the same quote that is escaped no deeper than the first one: `\"a\\\"b\"` within a string within a string. */
function quoted(text: string, start: number, quote: string, depth: number): Range {
  for (let at = text.indexOf(quote, start); at >= 0; at = text.indexOf(quote, at + 1)) {
    let first = at
    while (first > start && text[first - 1] === "\\") first--
    if (at - first <= depth) return { start, end: first }
  }
  return { start, end: text.length }
}

function element(text: string, word: string, end: number): Range | undefined {
  const tag = match(TAG, text, end)
  if (tag === null || tag[0].endsWith("/>")) return undefined
  const start = end + tag[0].length
  const close = text.indexOf(`${word}>`, start)
  const last = close < 0 ? text.length : text.lastIndexOf("<", close)
  return last < start ? undefined : { start, end: last }
}

function upTo(text: string, start: number, stop: RegExp): Range | undefined {
  stop.lastIndex = start
  const end = stop.exec(text)?.index ?? text.length
  return end > start ? { start, end } : undefined
}

function match(sticky: RegExp, text: string, at: number): RegExpExecArray | null {
  sticky.lastIndex = at
  return sticky.exec(text)
}

const URL_CREDENTIALS = /(:\/\/)[^\s/?#"'<>]*@/g
const SCHEMES = /\b(bearer|negotiate|digest)\s+[^\s,;"'<>\\]{6,}/gi
const BASIC = /\b(basic)\s+([\w+/-]{4,}={0,2})/gi
const AWS_KEY_ID = /(?<![A-Za-z0-9])(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])/g
const AWS_SECRET = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/])/g
const KNOWN_TOKENS =
  /(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|[srp]k_(?:live|test)_|whsec_|sk-|npm_|hf_|shpat_|dop_v1_|AIza|ya29\.|SG\.)[\w.-]{12,}/g
const CARD = /(?<![\dA-Za-z])[2-6](?:[ -]?\d){12,18}(?![\dA-Za-z])/g

/** Whatever its name: tokens, keys and card numbers that can be told by their looks. */
function maskLooks(text: string): string {
  return text
    .replace(URL_CREDENTIALS, `$1${REDACTED}@`)
    .replace(SCHEMES, `$1 ${REDACTED}`)
    .replace(BASIC, (all, scheme: string, value: string) => (textIn(value)?.includes(":") ? `${scheme} ${REDACTED}` : all))
    .replace(AWS_KEY_ID, REDACTED)
    .replace(AWS_SECRET, (all) => (/[a-z]/.test(all) && /[A-Z]/.test(all) && /\d/.test(all) ? REDACTED : all))
    .replace(KNOWN_TOKENS, REDACTED)
    .replace(CARD, (all) => (isCard(all) ? REDACTED : all))
}

/** ISO/IEC 7812-1, annex B (Luhn), in the ranges that cards have: an identifier that begins like a time in milliseconds is none. */
export function isCard(text: string): boolean {
  const digits = text.replace(/\D/g, "")
  if (!/^[2-6]\d{12,18}$/.test(digits)) return false
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at]) * (at % 2 === 0 ? 1 : 2)
    sum += digit > 9 ? digit - 9 : digit
  }
  return sum % 10 === 0
}

/** Pairs, or an address with a query; no base64 with its padding. */
export const FORM: RegExp = /^[^\s=&"'<>{}]{1,200}=(?!=*$)[^\s"'<>{}]*$/
const PIECE = /[^\s"'`<>]{12,}/g
const BASE64 = /[\w+/-]{12,}={0,2}/g

function maskEncoded(text: string, inner: Inner): string {
  return text.replace(PIECE, (piece) => {
    if (/%[0-9a-f]{2}/i.test(piece)) {
      // Decoded as a whole, a form does not tell any more where its values end.
      const decoded = FORM.test(piece) ? piece : percentDecoded(piece)
      const masked = inner(decoded)
      if (masked !== decoded) return masked
    }
    return maskTokens(piece).replace(BASE64, (run) => maskBase64(run, inner))
  })
}

export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replace(/%[0-9a-f]?$/i, ""))
  } catch {
    // Cut off within a character, or not UTF-8.
    return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => new TextDecoder().decode(Uint8Array.from(run.slice(1).split("%"), fromHex)))
  }
}

function fromHex(digits: string): number {
  return Number.parseInt(digits, 16)
}

/** RFC 7519: a header and more, with points between; the signature may have been cut off. What follows in the same piece goes with it. */
function maskTokens(piece: string): string {
  if (!piece.includes("eyJ")) return piece
  const parts = piece.split(".")
  let start = 0
  for (const [index, part] of parts.entries()) {
    const at = part.indexOf("eyJ")
    if (at >= 0 && (parts[index + 1]?.length ?? 0) >= 4) return piece.slice(0, start + at) + REDACTED
    start += part.length + 1
  }
  return piece
}

function maskBase64(run: string, inner: Inner): string {
  if (run.startsWith("H4sI")) return "[gzip]"
  // Glued to a path or a name: JSON can be told by how it begins.
  const starts = [0, run.search(/eyJ|eyA|ewo|ew0K|W3s|W1s|Wy/)].filter((at, index) => at >= index)
  for (const start of starts) {
    const text = textIn(run.slice(start))
    const masked = text === undefined ? undefined : inner(text)
    if (masked !== text) return run.slice(0, start) + masked
  }
  return run
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for.
const CONTROL = /[\x01-\x08\x0e-\x1f\x7f]/

/** The text that this is the base64 (RFC 4648, 4 and 5) of, or undefined. */
export function textIn(base64: string): string | undefined {
  const all = base64.replace(/=+$/, "").replace(/-/g, "+").replace(/_/g, "/")
  const digits = all.length % 4 === 1 ? all.slice(0, -1) : all
  try {
    // Most are no text, which the beginning tells. No text has digits or small letters alone.
    if (/^(?:\d+|[a-z]+)$/.test(digits) || CONTROL.test(atob(digits.slice(0, 32)))) return undefined
    const binary = atob(digits)
    return asText(/[\x80-\xff]/.test(binary) ? utf8(Uint8Array.from(binary, (char) => char.charCodeAt(0))) : binary)
  } catch {
    return undefined
  }
}

/** UTF-8 that is text, and UTF-16 of ASCII. What is cut off within a character counts as text. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return asText(utf8(bytes))
  } catch {
    return undefined
  }
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true })
}

function asText(text: string): string | undefined {
  return CONTROL.test(text) ? undefined : text.replaceAll("\0", "")
}
