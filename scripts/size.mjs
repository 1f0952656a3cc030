// What a function pays for, in bytes: the bundle that its author deploys, the package that is installed, the layer. Fails past a budget.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), "antifreeze-size-"))
const outfile = join(folder, "function.js")
const contents = 'import { withTracing } from "antifreeze"; export const handler = withTracing(async () => "ok")'
const { metafile } = await build({
  stdin: { contents, resolveDir: root },
  bundle: true,
  minify: true,
  platform: "node",
  target: "node22",
  format: "esm",
  outfile,
  metafile: true,
})
const inputs = Object.values(metafile.outputs)[0].inputs
const opentracing = sum(Object.entries(inputs).map(([name, { bytesInOutput }]) => (name.includes("opentracing") ? bytesInOutput : 0)))
const bundle = readFileSync(outfile)
rmSync(folder, { recursive: true })

const rows = [
  ["a function's bundle, minified", bundle.length, 60_000],
  ["  of which opentracing", opentracing],
  ["  gzipped", gzipSync(bundle).length],
  [
    "the installed package and opentracing, unpacked",
    bytesOf(join(root, "dist")) + bytesOf(join(root, "node_modules/opentracing")),
    1_000_000,
  ],
]
let over = 0
for (const [name, bytes, budget] of rows) {
  const verdict = budget === undefined ? "" : bytes <= budget ? `within ${budget / 1000} kB` : `OVER ${budget / 1000} kB`
  if (verdict.startsWith("OVER")) over++
  console.log(`${name.padEnd(50)} ${(bytes / 1000).toFixed(1).padStart(8)} kB  ${verdict}`)
}
process.exitCode = over

function bytesOf(path) {
  if (!statSync(path).isDirectory()) return statSync(path).size
  return sum(readdirSync(path).map((name) => bytesOf(join(path, name))))
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}
