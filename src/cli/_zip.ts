import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { inflateRawSync } from "node:zlib"
import { UsageError } from "./_arguments.ts"

const [BASE, MORE] = ["../layer.zip", "../layer-more.zip"].map((name) => fileURLToPath(new URL(name, import.meta.url))) as [string, string]

/**
 * The zip of the layer that a command has been asked for: a file's, or this package's, `full` with what has a zip of its own.
 *
 * @throws {UsageError} when there is no such zip.
 */
export function readLayer({ zip, full }: { zip?: string | undefined; full?: boolean | undefined }): Buffer {
  if (zip !== undefined) {
    if (full) throw new UsageError("--full is about the zips of this package. Leave it out, or leave out --zip.")
    return readZip(zip, "Give the zip of a layer.")
  }
  return joinZips(
    (full ? [BASE, MORE] : [BASE]).map((file) => readZip(file, "Install antifreeze again; in its repository, npm run build.")),
  )
}

function readZip(file: string, remedy: string): Buffer {
  let zip: Buffer
  try {
    zip = readFileSync(file)
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}). ${remedy}`)
  }
  if (endOf(zip) < 0) throw new UsageError(`${file} is not a zip file. ${remedy}`)
  return zip
}

export interface Entry {
  readonly name: string
  readonly mode: number
  readonly data: Buffer
}

/** PKWARE APPNOTE 6.3, of a zip that scripts/build-layer.mjs wrote: deflated, nothing optional. */
export function entriesOf(zip: Buffer): Entry[] {
  return directoryOf(zip).entries.map(({ header, local, name }) => {
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const data = inflateRawSync(zip.subarray(start, start + header.readUInt32LE(20)))
    return { name, mode: (header.readUInt32LE(38) >>> 16) & 0o777, data }
  })
}

/** One zip of all that is in several. */
function joinZips(zips: readonly Buffer[]): Buffer {
  const [first] = zips
  if (first !== undefined && zips.length === 1) return first
  const locals: Buffer[] = []
  const headers: Buffer[] = []
  let offset = 0
  for (const zip of zips) {
    const { entries, start } = directoryOf(zip)
    for (const { header, local } of entries) {
      const moved = Buffer.from(header)
      moved.writeUInt32LE(local + offset, 42)
      headers.push(moved)
    }
    locals.push(zip.subarray(0, start))
    offset += start
  }
  const end = Buffer.alloc(22)
  end.write("PK\x05\x06", "latin1")
  for (const at of [8, 10]) end.writeUInt16LE(headers.length, at)
  end.writeUInt32LE(Buffer.concat(headers).length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, ...headers, end])
}

function endOf(zip: Buffer): number {
  return zip.lastIndexOf("PK\x05\x06", undefined, "latin1")
}

/** The central directory: each file's header in it, and where its own is. */
function directoryOf(zip: Buffer): { start: number; entries: { header: Buffer; name: string; local: number }[] } {
  const end = endOf(zip)
  const start = zip.readUInt32LE(end + 16)
  const entries = []
  let at = start
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const named = at + 46 + zip.readUInt16LE(at + 28)
    const next = named + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
    entries.push({ header: zip.subarray(at, next), name: zip.toString("utf8", at + 46, named), local: zip.readUInt32LE(at + 42) })
    at = next
  }
  return { start, entries }
}
