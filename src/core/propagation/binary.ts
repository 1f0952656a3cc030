import type { Propagated, Propagator } from "../contracts.ts"

const VERSION = 0

/** Carriers of OpenTracing's binary format: `{ buffer }`, as its `BinaryCarrier` is. */
interface BinaryCarrier {
  buffer?: unknown
}

/** OpenTracing's binary format. A part of its own: at the edge nobody has such carriers, and every byte counts. */
export interface BinaryFormat {
  write(carrier: object, propagators: readonly Propagator[], context: Propagated): void
  read(carrier: object): Reader
}

export const binaryFormat: BinaryFormat = { write, read }

/**
 * The headers of all propagators as length-prefixed UTF-8: a version byte, then for each header its name and its value,
 * both after a 16-bit big-endian length. OpenTracing leaves the form to the tracer; this one loses nothing.
 */
function write(carrier: BinaryCarrier, propagators: readonly Propagator[], context: Propagated): void {
  const bytes: number[] = [VERSION]
  const set = (name: string, value: string) => {
    for (const text of [name, value]) {
      const encoded = new TextEncoder().encode(text)
      bytes.push(encoded.length >> 8, encoded.length & 0xff, ...encoded)
    }
  }
  for (const propagator of propagators) propagator.inject(context, set)
  carrier.buffer = Uint8Array.from(bytes)
}

/** How a propagator looks into a carrier. */
export interface Reader {
  readonly get: (name: string) => readonly string[]
  readonly names: () => readonly string[]
}

/** Reads what `write` wrote; finds nothing in anything else. */
function read(carrier: BinaryCarrier): Reader {
  const { buffer } = carrier
  const bytes = Array.isArray(buffer) || buffer instanceof Uint8Array ? Uint8Array.from(buffer as ArrayLike<number>) : new Uint8Array()
  const texts: string[] = []
  if (bytes[0] === VERSION && bytes.length <= 65_536) {
    for (let at = 1; at + 2 <= bytes.length; ) {
      const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
      if (at + 2 + length > bytes.length) break
      texts.push(new TextDecoder().decode(bytes.subarray(at + 2, at + 2 + length)))
      at += 2 + length
    }
  }
  const names = texts.flatMap((name, index) => (index % 2 === 0 ? [name.toLowerCase()] : []))
  return { get: (wanted) => names.flatMap((name, index) => (name === wanted ? [texts[2 * index + 1] ?? ""] : [])), names: () => names }
}
