import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { readArguments } from "./_each.ts"
import { type Entry, entriesOf, readLayer } from "./_zip.ts"

const USAGE = `Usage: antifreeze layer unpack FOLDER [--full]

Unpacks the layer into a folder, for a container image: what Lambda mounts as /opt, with its executable bit.

  --full         with all libraries that have to be patched, and payload capture
  --zip <file>   another zip than the one of this package
  --help         show this
`

/** `antifreeze layer unpack`: images have no layers, and few have an unzip. Resolves with the exit code. */
export async function unpack(argv: string[]): Promise<number> {
  const parsed = readArguments(argv, USAGE, { zip: { type: "string" }, full: { type: "boolean", default: false } })
  if (typeof parsed === "number") return parsed
  const [folder, ...more] = parsed.positionals
  if (folder === undefined || more.length > 0) return refuse("one folder is wanted. Run antifreeze layer unpack --help.", 2)
  let entries: Entry[]
  try {
    entries = entriesOf(readLayer(parsed.values))
  } catch (error) {
    return refuse((error as Error).message, 1)
  }
  try {
    for (const { name, mode, data } of entries) {
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

function refuse(message: string, code: number): number {
  process.stderr.write(`[antifreeze] ${message}\n`)
  return code
}
