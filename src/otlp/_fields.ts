/** Reads single fields of OTLP/JSON. Every reader takes null and a missing field for the default (Protobuf JSON mapping). */
import type { ReceivedAttributes, ReceivedValue } from "./types.ts"

/** The request does not follow OTLP/JSON. `message` is `<path>: <what was expected, what was there>`. */
export class DecodeError extends Error {
  readonly path: string
  readonly reason: string

  constructor(path: string, reason: string) {
    super(`${path}: ${reason}`)
    this.name = "DecodeError"
    this.path = path
    this.reason = reason
  }
}

/** Reads a repeated field. The path is only put together when something is wrong. */
export function each<T>(value: unknown, name: string, read: (item: unknown) => T): T[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) fail(name, "an array", value)
  const results: T[] = []
  try {
    for (const item of value) results.push(read(item))
  } catch (error) {
    throw within(`${name}[${results.length}]`, error)
  }
  return results
}

function within(outer: string, error: unknown): unknown {
  if (!(error instanceof DecodeError)) return error
  return new DecodeError(error.path === "" ? outer : `${outer}.${error.path}`, error.reason)
}

export function message(value: unknown, name: string): Record<string, unknown> {
  return object(value ?? {}, name)
}

export function object(value: unknown, name = ""): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(name, "an object", value)
  return value as Record<string, unknown>
}

export function string(value: unknown, name: string): string {
  if (value === undefined || value === null) return ""
  if (typeof value !== "string") fail(name, "a string", value)
  return value
}

/** Hex of either case (OTLP specification, "JSON Protobuf Encoding"), in lower case. No id, or only zeros: `undefined`. */
export function id(value: unknown, name: string, digits: number): string | undefined {
  if (value === undefined || value === null || value === "") return undefined
  if (typeof value !== "string" || value.length !== digits || !/^[0-9a-f]+$/i.test(value)) fail(name, `${digits} hex digits`, value)
  return /^0+$/.test(value) ? undefined : value.toLowerCase()
}

export function integer(value: unknown, name: string): number {
  const number = typeof value === "string" && /^-?\d{1,10}$/.test(value) ? Number(value) : (value ?? 0)
  if (!Number.isSafeInteger(number)) fail(name, "an integer", value)
  return number as number
}

export function uint32(value: unknown, name: string): number {
  const number = integer(value, name)
  if (number < 0 || number > 0xffffffff) fail(name, "an integer from 0 to 2^32-1", value)
  return number
}

export function flags(value: unknown): number {
  return uint32(value, "flags")
}

const MAX_FIXED64 = 18_446_744_073_709_551_615n

/** Nanoseconds, as microseconds in two parts: their sum is as exact as a double can be, and so is a difference by parts. */
export function timeUs(value: unknown, name: string): { wholeUs: number; fractionUs: number } {
  const ns = digits(value ?? 0)
  if (ns === undefined || (ns.length >= 20 && BigInt(ns) > MAX_FIXED64)) fail(name, "nanoseconds as a string of digits", value)
  return { wholeUs: Number(ns.slice(0, -3)), fractionUs: Number(ns.slice(-3)) / 1000 }
}

function digits(value: unknown): string | undefined {
  if (typeof value === "string") return /^\d{1,20}$/.test(value) ? value : undefined
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 64 ? String(BigInt(value as number)) : undefined
}

export function attributes(value: unknown, name: string): ReceivedAttributes {
  const found: Record<string, ReceivedValue> = Object.create(null)
  each(value, name, (item) => {
    const pair = object(item)
    found[string(pair.key, "key")] = anyValue(pair.value, "value")
  })
  return found
}

const VALUE_FIELDS = ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"]

/** Recursion is bounded: `parseBounded` has refused what is nested too deeply. */
function anyValue(value: unknown, name: string): ReceivedValue {
  const any = message(value, name)
  try {
    return oneOf(any)
  } catch (error) {
    throw name === "" ? error : within(name, error)
  }
}

function oneOf(any: Record<string, unknown>): ReceivedValue {
  let field: string | undefined
  for (const name of VALUE_FIELDS) {
    if (any[name] === undefined || any[name] === null) continue
    if (field !== undefined) throw new DecodeError("", `one value expected, got ${field} and ${name}`)
    field = name
  }
  if (field === undefined) return null
  const value = any[field]
  switch (field) {
    case "stringValue":
      return string(value, field)
    case "boolValue":
      return typeof value === "boolean" ? value : fail(field, "true or false", value)
    case "intValue":
      return int64(value, field)
    case "doubleValue":
      return double(value, field)
    case "bytesValue":
      return bytes(value, field)
    case "kvlistValue":
      return attributes(message(value, field).values, `${field}.values`)
    default:
      return each(message(value, field).values, `${field}.values`, (item) => anyValue(item, ""))
  }
}

function int64(value: unknown, name: string): number | bigint {
  const exact =
    typeof value === "string" && /^-?\d{1,19}$/.test(value)
      ? BigInt(value)
      : Number.isInteger(value) && Math.abs(value as number) <= 2 ** 63
        ? BigInt(value as number)
        : undefined
  if (exact === undefined || BigInt.asIntN(64, exact) !== exact) fail(name, "a 64-bit integer", value)
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact
}

/** Protobuf JSON mapping, "double": a number, the number as a string, or "NaN", "Infinity", "-Infinity". */
function double(value: unknown, name: string): number {
  if (typeof value === "number") return value
  if (typeof value !== "string" || value.length > 400) fail(name, "a number", value)
  if (!/^(-?\d+(\.\d+)?(e[+-]?\d+)?|NaN|-?Infinity)$/i.test(value)) fail(name, "a number", value)
  return Number(value)
}

/** Protobuf JSON mapping, "bytes": standard or URL-safe base64, padded or not. */
function bytes(value: unknown, name: string): Uint8Array {
  if (typeof value !== "string" || !/^[\w+/-]*={0,2}$/.test(value)) fail(name, "base64", value)
  try {
    return Uint8Array.from(atob(value.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0))
  } catch {
    fail(name, "base64", value)
  }
}

function fail(path: string, expected: string, value: unknown): never {
  throw new DecodeError(path, `${expected} expected, got ${preview(value)}`)
}

function preview(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (Array.isArray(value)) return "an array"
  return typeof value === "object" && value !== null ? "an object" : String(value)
}
