import { cpSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../", import.meta.url))

/** Installs the package into a folder's `node_modules` as it would be published, with opentracing beside it. Gives where it is. */
export function install(folder: string, source: string = root): string {
  const own = join(folder, "node_modules/antifreeze")
  const { files } = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as { files: readonly string[] }
  for (const file of ["package.json", ...files]) cpSync(join(source, file), join(own, file), { recursive: true })
  cpSync(join(root, "node_modules/opentracing"), join(folder, "node_modules/opentracing"), { recursive: true })
  return own
}
