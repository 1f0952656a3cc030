import { mkdirSync, statSync, writeFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { type Command, readArguments, UsageError } from "./_arguments.ts"
import { warn } from "./_warn.ts"
import { entriesOf, readLayer } from "./_zip.ts"

/** `antifreeze layer unpack`: images have no layers, and few have an unzip. */
export const unpack: Command = {
  usage: `Usage: antifreeze layer unpack FOLDER [--full]

Unpacks the layer into a folder, for a container image: what Lambda mounts as /opt, with its executable bit.

  --full             with all libraries that have to be patched, and payload capture
  --zip FILE         another zip than the one of this package
`,
  async run(argv) {
    const { values, positionals } = readArguments(argv, { zip: { type: "string" }, full: { type: "boolean" } })
    const [folder, ...more] = positionals
    if (folder === undefined || more.length > 0) throw new UsageError("one folder is wanted. See --help.")
    const zip = readLayer(values)
    try {
      for (const { name, mode, data } of entriesOf(zip)) {
        const path = resolve(folder, name)
        makeFolder(dirname(path))
        writeFileSync(path, data, { mode })
      }
    } catch (error) {
      warn(`the layer cannot be unpacked into ${folder}: ${(error as Error).message}.`)
      return 1
    }
    process.stdout.write(`${folder}: unpacked\n`)
    return 0
  },
}

/** In place of `mkdirSync(…, { recursive: true })`, which never ends where a file system like /proc lets nobody make a folder. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  if (dirname(path) !== path) makeFolder(dirname(path))
  mkdirSync(path)
}
