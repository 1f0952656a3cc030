import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { inflateRawSync } from "node:zlib"
import { readArguments } from "./_each.ts"

const USAGE = `Usage: antifreeze layer unpack FOLDER

Unpacks the layer into a folder, for a container image: what Lambda mounts as /opt, with its executable bit.

  --zip <file>   another zip than the one of this package
  --help         show this
`

/** `antifreeze layer unpack`: images have no layers, and few have an unzip. Resolves with the exit code. */
export async function unpack(argv: string[]): Promise<number> {
  const parsed = readArguments(argv, USAGE, { zip: { type: "string" } })
  if (typeof parsed === "number") return parsed
  const { zip: file = fileURLToPath(new URL("../layer.zip", import.meta.url)) } = parsed.values
  const [folder, ...more] = parsed.positionals
  if (folder === undefined || more.length > 0) return refuse("one folder is wanted. Run antifreeze layer unpack --help.", 2)
  if (!existsSync(file)) return refuse(`${file} does not exist. Run npm run build, or give --zip.`, 1)
  try {
    for (const { name, mode, data } of entriesOf(readFileSync(file))) {
      const path = join(folder, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, data, { mode })
    }
  } catch (error) {
    return refuse(`the layer cannot be unpacked into ${folder}: ${(error as Error).message}.`, 1)
  }
  process.stdout.write(`${folder}: unpacked\n`)
  return 0
}

interface Entry {
  readonly name: string
  readonly mode: number
  readonly data: Buffer
}

/** PKWARE APPNOTE 6.3, of a zip that scripts/build-layer.mjs wrote: deflated, nothing optional. */
function entriesOf(zip: Buffer): Entry[] {
  const end = zip.lastIndexOf("PK\x05\x06", undefined, "latin1")
  if (end < 0) throw new Error("not a zip file")
  const entries: Entry[] = []
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const length = zip.readUInt16LE(at + 28)
    const name = zip.toString("utf8", at + 46, at + 46 + length)
    const local = zip.readUInt32LE(at + 42)
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const data = inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(at + 20)))
    entries.push({ name, mode: (zip.readUInt32LE(at + 38) >>> 16) & 0o777, data })
    at += 46 + length + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return entries
}

function refuse(message: string, code: number): number {
  process.stderr.write(`[antifreeze] ${message}\n`)
  return code
}
