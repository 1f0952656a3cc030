// What a function pays for, in bytes: the bundle that its author deploys, the package that is installed, the layer. Fails past a budget.
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import { minifyText } from "./minify.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { outputFiles, metafile } = await build({
  stdin: {
    contents: 'import { withTracing } from "./src/index.ts"; export const handler = withTracing(async () => "ok")',
    resolveDir: root,
  },
  define: { ANTIFREEZE_VERSION: '"0.0.0"' },
  bundle: true,
  minify: true,
  platform: "node",
  target: "node22",
  format: "esm",
  outdir: join(root, "out"),
  write: false,
  metafile: true,
  absWorkingDir: root,
})
const [{ text: once }] = outputFiles
const contents = await minifyText(once, { module: true })
const [{ inputs }] = Object.values(metafile.outputs)

/** What the package's own second pass of minification leaves. */
const share = contents.length / once.length

/** Each file counts where it is named first. */
const PARTS = {
  "AWS SDK calls": /(?:integrations\/_?|node\/)(?:aws|tap)|propagation\/xray/,
  "events other than HTTP": /triggers\/(?!http|recognise)|core\/causes/,
  "Redis and MySQL": /integrations\/(_sql|_db|_redis|_mysql|mysql2|redis|ioredis|_patch)|node\/store/,
  "deadline, crash and journal":
    /lambda\/(adaptive|deadline|delivery-mode|crash|ending|journal|last-words|outbox|vigil|watch)|post-now|core\/record/,
  "callbacks, of the Node 22 runtime": /lambda\/callbacks/,
  redaction: /core\/redact/,
  "B3 and Jaeger": /propagation\/(b3|jaeger)/,
  "source maps": /source-maps/,
  "Managed Instances, proxies, helpers": /managed-instances|node\/(proxy|helpers)|lambda\/(cost|self-report)/,
  opentracing: /node_modules\/opentracing/,
}
const parts = Object.fromEntries(Object.keys(PARTS).map((name) => [name, 0]))
let spine = 0
for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
  const part = Object.keys(PARTS).find((name) => PARTS[name].test(file))
  if (part === undefined) spine += share * bytesInOutput
  else parts[part] += share * bytesInOutput
}

const rows = [
  ["a function's bundle, minified, its parts as code", contents.length, 120_000],
  ["  as it is deployed, its rare parts as text", deployed(), 135_000],
  ["  the tracer, HTTP, OTLP, Lambda; with opentracing", spine + parts.opentracing, 60_000],
  ...Object.entries(parts).map(([name, bytes]) => [`  ${name}`, bytes]),
  ["  gzipped", gzipSync(contents).length],
  ["the installed package and opentracing, unpacked", packed() + bytesOf(join(root, "node_modules/opentracing")), 1_000_000],
  ["the layer, zipped", bytesOf(join(root, "dist/layer.zip")), 60_000],
  ["  and what is zipped apart", bytesOf(join(root, "dist/layer-more.zip")), 20_000],
  ["the layer, unzipped", bytesOf(join(root, "dist/layer")), 200_000],
]
for (const [name, bytes, budget] of rows) {
  const isOver = budget !== undefined && bytes > budget
  if (isOver) process.exitCode = 1
  const verdict = budget === undefined ? "" : `${isOver ? "OVER" : "within"} ${budget / 1000} kB`
  console.log(`${name.padEnd(50)} ${(bytes / 1000).toFixed(1).padStart(8)} kB  ${verdict}`)
}

/** See decisions/0005. */
function deployed() {
  const chunks = join(root, "dist/esm/chunks")
  const index = readFileSync(join(root, "dist/esm/index.js"), "utf8")
  const used = readdirSync(chunks).filter((name) => index.includes(name))
  return bytesOf(join(root, "dist/esm/index.js")) + used.reduce((total, name) => total + bytesOf(join(chunks, name)), 0) + parts.opentracing
}

function packed() {
  const [{ unpackedSize }] = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root, encoding: "utf8" }),
  )
  return unpackedSize
}

function bytesOf(path) {
  if (!statSync(path).isDirectory()) return statSync(path).size
  return readdirSync(path).reduce((total, name) => total + bytesOf(join(path, name)), 0)
}
