// What `exports` in package.json says, from the files of src/: each is an entry. Declarations lie beside the code, where TypeScript looks.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { edgeEntries, inWorkers } from "./build-edge.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const names = readdirSync(join(root, "src"))
  .filter((file) => file.endsWith(".ts") && file !== "version.ts")
  .map((file) => file.slice(0, -".ts".length))
  .sort()

export const nodeEntries = names.filter((name) => !edgeEntries.includes(name))

/** Writes `exports`, where it says something else: to add an entry is to add its file. */
export function writeExports() {
  const file = join(root, "package.json")
  const before = readFileSync(file, "utf8")
  const given = JSON.parse(before)
  const after = `${JSON.stringify({ ...given, exports: exportsOf() }, null, 2)}\n`
  if (after !== before) writeFileSync(file, after)
}

function exportsOf() {
  const libraries = nodeEntries.filter((name) => name !== "index")
  const inBoth = (name) => ({ ...(inWorkers.includes(name) && { workerd: edge(name) }), ...inNode(name) })
  return {
    ".": { ...elsewhere(), ...inNode("index", "node") },
    ...Object.fromEntries(edgeEntries.map((name) => [`./${name}`, edge(name)])),
    ...Object.fromEntries(libraries.map((name) => [`./${name}`, inBoth(name)])),
    "./package.json": "./package.json",
  }
}

const edge = (name) => ({ types: `./dist/esm/${name}.d.ts`, default: `./dist/edge/${name}.js` })

const elsewhere = () => ({
  workerd: edge("cloudflare"),
  ...Object.fromEntries(["edge-light", "netlify", "deno", "bun"].map((runtime) => [runtime, edge("web")])),
})

/**
 * Bundlers take the ES modules ("module") also where CommonJS asks for them, as the esbuild plugin does in the files of libraries: what is
 * imported and required is then in the bundle once.
 */
const inNode = (name, imported = name) => ({
  module: `./dist/esm/${name}.js`,
  import: `./dist/esm/${imported}.js`,
  require: `./dist/cjs/${name}.js`,
})
