import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import type { Runtime } from "../../src/environment/contracts.ts"
import { runtimes } from "../runtimes/runtimes.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

export const benchRuntimes: Record<string, Runtime> = { "Node 22, RIC 3": runtimes.ric3, "Node 24, RIC 4": runtimes.ric4 }

/** Bundles the functions of the benchmarks as a function's author would; gives the folder. "ours-unbundled" loads the package as installed. */
export async function buildFunctions(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "antifreeze-bench-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  const names = ["bare", "floor", "awaited", "ours", "usage"]
  const entryPoints = names.map((name) => fileURLToPath(new URL(`./functions/${name}.ts`, import.meta.url)))
  const common = {
    entryPoints,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node22",
    outdir: folder,
    logLevel: "warning",
  } as const
  await build({ ...common, format: "cjs", outExtension: { ".js": ".cjs" }, entryNames: "[name]-cjs" })
  await build({ ...common, format: "esm", outExtension: { ".js": ".mjs" }, entryNames: "[name]-esm", banner: { js: requireInEsm } })
  const handler = "withTracing(async () => ({ statusCode: 200, body: 'ok' }))"
  const packaged = (file: string) => JSON.stringify(join(root, "dist", file))
  writeFileSync(join(folder, "unbundled-cjs.cjs"), `exports.handler = require(${packaged("cjs/index.js")}).${handler}\n`)
  writeFileSync(
    join(folder, "unbundled-esm.mjs"),
    `import { withTracing } from ${packaged("esm/node.js")}\nexport const handler = ${handler}\n`,
  )
  return folder
}

/** What esbuild's users add so that CommonJS packages can be bundled into ES modules. */
const requireInEsm = "import{createRequire as _cr}from'module';const require=_cr(import.meta.url);"
