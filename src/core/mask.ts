import { FORM, isCard, maskText, percentDecoded, REDACTED, textOf } from "./mask-text.ts"
import { namesSecret, plainName } from "./secret-names.ts"

export interface MaskOptions {
  /** Most bytes of the text that is given. */
  readonly maxBytes: number
  /** What else is a secret, by name. */
  readonly names?: readonly string[]
  /** The user's own: what is to be shown in place of the value, `undefined` for nothing. A value that it throws for is left out. */
  readonly mask?: ((key: string, value: unknown) => unknown) | undefined
  /** Told of what the user's own function has thrown. */
  readonly onMistake?: (error: unknown) => void
}

// The bounds of one capture: in time, since each entry and each character is looked at once in each encoding.
const MAX_ENTRIES = 5_000
const MAX_CHARACTERS = 256 * 1024
const MAX_JSON = 64 * 1024
const MAX_TEXT = 16 * 1024
/** How much longer it takes to look through a text than to parse it. */
const TEXT_COST = 4
const MAX_LEVELS = 16
/** How many encodings within one another are opened. Whatever is encoded deeper is not shown. */
const MAX_ENCODINGS = 5
/** Nothing that can be told by its looks is longer than this, but for what is masked to its end. */
const EDGE = 64

/**
 * The value as text, JSON where it is no text itself, without what is secret by its name or by its looks, in whatever it is nested
 * or encoded; `undefined` where there is nothing to show. Never throws, and changes nothing. Accessors are not called, streams not read.
 */
export function maskedText(key: string, value: unknown, options: MaskOptions): string | undefined {
  try {
    const masking = new Masking(options)
    const admitted = masking.admit(key, value)
    const shown = ArrayBuffer.isView(admitted) ? plainOf(admitted) : admitted
    const text = typeof shown === "string" ? masking.text(shown, MAX_ENCODINGS) : masking.json(key, shown, MAX_ENCODINGS)
    return text === undefined ? undefined : cutBytes(text, options.maxBytes)
  } catch {
    // Nothing is better than what was not looked at.
    return undefined
  }
}

/** Bounded in what it looks at, all encodings together. */
class Masking {
  readonly #options: MaskOptions
  readonly #names: readonly string[]
  readonly #ancestors: object[] = []
  #entries = MAX_ENTRIES
  #characters = MAX_CHARACTERS
  #out = ""

  constructor(options: MaskOptions) {
    this.#options = options
    this.#names = (options.names ?? []).map(plainName).filter((name) => name !== "")
  }

  /** What may be looked at under this name. */
  admit(key: string, value: unknown): unknown {
    if (typeof value !== "boolean" && value !== null && value !== undefined && this.#isSecret(key)) return REDACTED
    const { mask, onMistake } = this.#options
    if (mask === undefined) return value
    try {
      return mask(key, value)
    } catch (error) {
      onMistake?.(error)
      return undefined
    }
  }

  #isSecret(name: string): boolean {
    return namesSecret(name, this.#names)
  }

  json(key: string, value: unknown, encodings: number): string | undefined {
    const before = this.#out
    this.#out = ""
    const isWritten = this.#write(key, value, encodings)
    const text = this.#out
    this.#out = before
    return isWritten ? text : undefined
  }

  /** Masks a text. One that was cut off is not taken for the whole. */
  text(text: string, encodings: number): string {
    // Too short for the looks of a secret, and without a name.
    if (text.length < 12 && !/[:=<%]/.test(text)) return text
    if (text.length <= MAX_JSON && /^\s{0,100}[[{"]/.test(text)) {
      if (!this.#spend(text.length)) return `[${text.length} characters]`
      const parsed = parse(text)
      if (parsed !== undefined) return encodings === 0 ? "[nested]" : this.#reencoded(parsed, encodings)
    }
    if (!this.#spend(Math.min(text.length, MAX_TEXT) * TEXT_COST)) return `[${text.length} characters]`
    if (text.length <= MAX_TEXT) return this.#unparsed(text, encodings)
    // Of what is cut off in its middle the looks do not tell what it was.
    return `${this.#unparsed(text.slice(0, MAX_TEXT), encodings).slice(0, -EDGE)}…`
  }

  #spend(characters: number): boolean {
    this.#characters -= characters
    return this.#characters >= 0
  }

  #unparsed(text: string, encodings: number): string {
    if (encodings > 0 && FORM.test(text)) return this.#form(text, encodings)
    const whole = LINES.test(text) && text.includes("\n") ? text.replace(/\s/g, "") : text
    return maskText(whole, this.#names, (inner) => {
      if (encodings > 0) return this.text(inner, encodings - 1)
      return /[:=]/.test(inner) ? "[nested]" : inner
    })
  }

  #reencoded(parsed: unknown, encodings: number): string {
    if (typeof parsed === "string") return JSON.stringify(this.text(parsed, encodings - 1))
    return this.json("", parsed, encodings - 1) ?? "[nested]"
  }

  /** URL Standard, "application/x-www-form-urlencoded parsing". */
  #form(text: string, encodings: number): string {
    const pairs: string[] = []
    for (const pair of text.split("&")) {
      const equals = pair.indexOf("=")
      const [name, value] = equals < 0 ? ["", pair] : [pair.slice(0, equals), pair.slice(equals + 1)]
      if (this.#entries-- <= 0) break
      const plain = percentDecoded(value.replaceAll("+", " "))
      const shown = this.admit(percentDecoded(name.replaceAll("+", " ")), plain)
      if (shown === undefined) continue
      // What was cut off behind the padding of base64 looks like a name, too.
      const shownName = equals < 0 ? "" : `${this.#part(name, 0)}=`
      pairs.push(shownName + (shown === plain ? this.#part(value, encodings - 1) : this.#replaced(name, shown, encodings - 1)))
    }
    return maskText(pairs.join("&"), this.#names, (seen) => seen)
  }

  /** What the user's own function has put in place of a value. */
  #replaced(name: string, shown: unknown, encodings: number): string {
    const text = typeof shown === "string" ? this.text(shown, encodings) : String(this.json(name, shown, encodings))
    return encodeURIComponent(text.toWellFormed())
  }

  /** A name or a value of a form, as it came where there is nothing to mask. A plus is a space, or base64's own. */
  #part(raw: string, encodings: number): string {
    const text = percentDecoded(raw)
    let shown = this.text(text, encodings)
    if (shown.includes("+")) {
      const spaced = shown.replaceAll("+", " ")
      const masked = this.text(spaced, encodings)
      if (masked !== spaced) shown = masked
    }
    return shown === text ? raw : encodeURIComponent(shown.toWellFormed())
  }

  /** Writes one value; says whether it has any text in JSON. */
  #write(key: string, value: unknown, encodings: number): boolean {
    switch (typeof value) {
      case "string":
        this.#out += JSON.stringify(this.text(value, encodings))
        return true
      case "number":
      case "bigint":
        this.#out += numberText(value)
        return true
      case "boolean":
        this.#out += String(value)
        return true
      case "object":
        if (value === null) this.#out += "null"
        else this.#writeObject(key, value, encodings)
        return true
      default:
        return false
    }
  }

  #writeObject(key: string, value: object, encodings: number): void {
    const before = this.#out.length
    const levels = this.#ancestors.length
    try {
      const plain = plainOf(value)
      if (plain !== value) {
        if (!this.#write(key, plain, encodings)) this.#out += "null"
      } else if (this.#ancestors.includes(value)) this.#out += '"[circular]"'
      else if (levels >= MAX_LEVELS) this.#out += Array.isArray(value) ? '"[array]"' : '"[object]"'
      else {
        this.#ancestors.push(value)
        if (Array.isArray(value)) this.#writeArray(key, value, encodings)
        else this.#writeEntries(value, encodings)
      }
    } catch {
      this.#out = `${this.#out.slice(0, before)}"[unreadable]"`
    }
    this.#ancestors.length = levels
  }

  get #isFull(): boolean {
    return this.#out.length > this.#options.maxBytes || this.#entries-- <= 0
  }

  #writeArray(key: string, values: readonly unknown[], encodings: number): void {
    const isBytes =
      values.length >= 8 && values.slice(0, 64).every((value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) < 256)
    if (isBytes) return void (this.#out += `"[${values.length} bytes]"`)
    this.#out += "["
    for (let index = 0; index < values.length; index++) {
      if (this.#isFull) return void (this.#out += '"…"]')
      if (index > 0) this.#out += ","
      const previous = values[index - 1]
      // Names and values by turns, or as pairs.
      const isNamed = typeof previous === "string" && /^[\w.-]{2,60}$/.test(previous) && this.#isSecret(previous)
      const item = isNamed && typeof values[index] === "string" ? REDACTED : this.admit(key, values[index])
      if (!this.#write(key, item, encodings)) this.#out += "null"
    }
    this.#out += "]"
  }

  #writeEntries(owner: object, encodings: number): void {
    const read = (key: string) => Object.getOwnPropertyDescriptor(owner, key)
    const keys = Object.keys(owner)
    // { name: "password", value: "…" }
    const isSecretPair = keys.length < 20 && keys.some((key) => NAME.test(key) && this.#isSecret(textual(read(key)?.value)))
    this.#out += "{"
    let separator = ""
    for (const key of keys) {
      if (this.#isFull) return void (this.#out += `${separator}"…":0}`)
      const descriptor = read(key)
      const value = descriptor?.get === undefined ? descriptor?.value : "[accessor]"
      const shown = isSecretPair && VALUE.test(key) ? REDACTED : this.admit(key, value)
      const before = this.#out
      this.#out += `${separator}${JSON.stringify(this.text(key.slice(0, 1_000), 0))}:`
      if (this.#write(key, shown, encodings)) separator = ","
      else this.#out = before
    }
    this.#out += "}"
  }
}

const LINES = /^[\w+/\r\n-]+={0,2}\s*$/
const NAME = /^(?:name|key|k|n|id|field|header|attribute)$/i
const VALUE = /^(?:(?:string|new|old|default)?_?values?|v|val|content|data|text)$/i

function textual(value: unknown): string {
  return typeof value === "string" ? value : ""
}

function parse(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text)
    return parsed === null ? undefined : parsed
  } catch {
    return undefined
  }
}

/** What JSON makes of a value, and names for what it should not be asked. */
function plainOf(value: object): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Uint8Array) return textOf(value.subarray(0, MAX_CHARACTERS)) ?? `[${value.length} bytes]`
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (value instanceof String || value instanceof Number || value instanceof Boolean) return value.valueOf()
  if (value instanceof Promise) return "[promise]"
  if (Array.isArray(value)) return value
  if (methodOf(value, "pipe") || methodOf(value, "getReader") || Symbol.asyncIterator in value) return "[stream]"
  // What it leaves out is not for others.
  const toJSON = methodOf(value, "toJSON")
  return toJSON === undefined ? value : (Reflect.apply(toJSON, value, []) as unknown)
}

/** A method, and no accessor of the value's own. */
function methodOf(value: object, name: string): ((...args: unknown[]) => unknown) | undefined {
  const own = Object.getOwnPropertyDescriptor(value, name)
  const method = own === undefined ? (value as Record<string, unknown>)[name] : own.value
  return typeof method === "function" ? (method as (...args: unknown[]) => unknown) : undefined
}

/** A number that has lost digits may have been a card's. */
function numberText(value: number | bigint): string {
  const text = String(value)
  if (isCard(text) || (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value))) return `"${REDACTED}"`
  return typeof value === "bigint" ? `"${text}"` : Number.isFinite(value) ? text : "null"
}

/** At most so many bytes of UTF-8, whole characters; what was cut off ends with `…`. */
export function cutBytes(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text
  let bytes = 0
  let fits = 0
  for (let at = 0; at < text.length; ) {
    const code = text.codePointAt(at) as number
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
    if (bytes > maxBytes) return maxBytes < 3 ? "" : `${text.slice(0, fits)}…`
    at += code < 0x10000 ? 1 : 2
    if (bytes <= maxBytes - 3) fits = at
  }
  return text
}
