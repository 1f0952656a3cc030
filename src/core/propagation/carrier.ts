import type { Propagated, Propagator } from "../contracts.ts"
import type { BinaryFormat, Reader } from "./binary.ts"

/** Of a longer name, nobody asks for the rest. */
const MAX_NAME = 1024

/**
 * Writes the context into a carrier: a plain object, anything with `set(name, value)` (Headers, Map), or an array, which
 * gets `[name, value]` pairs. A carrier that cannot be written to is left alone.
 */
export function injectContext(propagators: readonly Propagator[], context: Propagated, carrier: unknown, binary?: BinaryFormat): void {
  if (carrier === null || typeof carrier !== "object") return
  try {
    const set = setterOf(carrier)
    if (binary !== undefined) binary.write(carrier, propagators, context)
    else for (const propagator of propagators) propagator.inject(context, set)
  } catch {
    // Frozen or exotic carriers: nothing is propagated, nothing is harmed.
  }
}

/**
 * Reads a context from a carrier, or `undefined` when there is none. The first propagator that finds a trace wins, and so
 * does, apart from it, the first that finds baggage. `decide` gives the flags where the caller has left them to us
 * (default: not sampled). Never throws.
 */
export function extractContext(
  propagators: readonly Propagator[],
  carrier: unknown,
  binary?: BinaryFormat,
  decide?: (traceId: string) => number,
): Propagated | undefined {
  if (carrier === null || typeof carrier !== "object") return undefined
  try {
    const { get, names } = binary?.read(carrier) ?? readerOf(carrier)
    let trace: Partial<Propagated> | undefined
    let baggage: Propagated["baggage"] | undefined
    for (const propagator of propagators) {
      const part = propagator.extract(get, names)
      if (part?.traceId !== undefined) trace ??= part
      baggage ??= part?.baggage
    }
    if (trace?.traceId === undefined || trace.spanId === undefined) return undefined
    const { traceId, spanId, traceFlags = decide?.(traceId) ?? 0, traceState = "" } = trace
    return { traceId, spanId, traceFlags, traceState, baggage: baggage ?? new Map() }
  } catch {
    return undefined
  }
}

function setterOf(carrier: object): (name: string, value: string) => void {
  if (Array.isArray(carrier)) return (name, value) => carrier.push([name, value])
  const { set } = carrier as { set?: unknown }
  if (typeof set === "function") return (name, value) => set.call(carrier, name, value)
  return (name, value) => {
    ;(carrier as Record<string, string>)[name] = value
  }
}

/** Header names are case-insensitive (RFC 9110, 5.1); events and libraries spell them every way. */
function readerOf(carrier: object): Reader {
  const { get: getOne, append, keys } = carrier as Partial<Record<"get" | "append" | "keys", unknown>>
  // Headers of the fetch standard: to copy dozens of entries for the sake of three would be the dearest part of a request at the edge.
  if (typeof getOne === "function" && typeof append === "function" && typeof keys === "function") {
    const one = (wanted: string) => {
      const value: unknown = getOne.call(carrier, wanted)
      return typeof value === "string" ? [value] : []
    }
    return { get: one, names: () => [...(keys.call(carrier) as Iterable<string>)] }
  }
  const [all, valueAt] = columnsOf(carrier)
  const get = (wanted: string) => {
    const found: string[] = []
    for (let index = 0; index < all.length; index++) {
      const name = all[index]
      if (typeof name !== "string" || name.length !== wanted.length || name.toLowerCase() !== wanted) continue
      const value = valueAt(index)
      for (const one of Array.isArray(value) ? value : [value]) {
        const text = textOf(one)
        if (text !== undefined) found.push(text)
      }
    }
    return found
  }
  return { get, names: () => all.map((name) => String(name).slice(0, MAX_NAME).toLowerCase()) }
}

type Columns = readonly [names: readonly unknown[], valueAt: (index: number) => unknown]

/** Plain objects, Headers and Map, arrays of pairs, arrays of `{ key | name, value }`, and flat arrays as in `rawHeaders`. */
function columnsOf(carrier: object): Columns {
  if (!Array.isArray(carrier)) {
    const { entries } = carrier as { entries?: unknown }
    if (typeof entries === "function") return columnsOf([...(entries.call(carrier) as Iterable<unknown>)])
    const names = Object.keys(carrier)
    return [names, (index) => (carrier as Record<string, unknown>)[names[index] as string]]
  }
  const pairs: (readonly unknown[])[] =
    typeof carrier[0] === "string"
      ? carrier.flatMap((name, index) => (index % 2 === 0 ? [[name, carrier[index + 1]]] : []))
      : carrier.map((item) => (Array.isArray(item) ? item : [item?.key ?? item?.name, item?.value]))
  return [pairs.map(([name]) => name), (index) => pairs[index]?.[1]]
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined
}
