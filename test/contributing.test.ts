// CONTRIBUTING.md, "Adding an integration", as a stranger would follow it: in a copy, built, with the library of its example.
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { install } from "./_installed.ts"

const root = fileURLToPath(new URL("../", import.meta.url))
const copy = mkdtempSync(join(tmpdir(), "antifreeze-contributing-"))
const project = join(copy, "project")
const [integration = "", entry = "", line = ""] = [
  ...readFileSync(join(root, "CONTRIBUTING.md"), "utf8").matchAll(/```ts\n(.*?)```/gs),
].map(([, code = ""]) => code)
const load = createRequire(import.meta.url)

beforeAll(() => {
  for (const name of ["src", "layer", "scripts", "package.json", "tsconfig.json", "tsconfig.build.json", "CHANGELOG.md"]) {
    cpSync(join(root, name), join(copy, name), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"))
  const files = join(copy, "src/integrations/_files.ts")
  writeFileSync(join(copy, "src/integrations/toydb.ts"), integration)
  writeFileSync(join(copy, "src/toydb.ts"), entry)
  writeFileSync(files, readFileSync(files, "utf8").replace(/(?<=FILES: .*\n)/, line))
  execFileSync(process.execPath, ["scripts/build.mjs"], { cwd: copy })
  install(project, copy)
  cpSync(fileURLToPath(new URL("./fixtures/toydb", import.meta.url)), join(project, "node_modules/toydb"), { recursive: true })
}, 120_000)
afterAll(() => rmSync(copy, { recursive: true }))

const program = (wrap: string) => `
const { withTracing } = require("antifreeze")
const { Client } = require("toydb")
const names = []
const exporter = { async export(spans) { names.push(...spans.map((span) => span.operationName)); return { delivered: spans.length, dropped: 0, kept: 0 } } }
const client = ${wrap}(new Client({ host: "toy", port: 7 }))
const handler = withTracing(async () => { await client.send("set", "a", "x"); return client.send("get", "a") }, { exporter })
handler({}, { awsRequestId: "1", functionName: "f", getRemainingTimeInMillis: () => 3000 }).then((answer) => console.log(answer, names.join()))
`

async function run(wrap: string, isBundled: boolean): Promise<string> {
  const file = join(project, "program.cjs")
  writeFileSync(file, program(wrap))
  if (!isBundled) return execFileSync(process.execPath, [file], { encoding: "utf8" }).trim()
  const { antifreeze } = load(join(project, "node_modules/antifreeze/dist/cjs/esbuild.js")) as typeof import("../src/esbuild.ts")
  const outfile = join(project, "bundle.cjs")
  await build({ entryPoints: [file], bundle: true, platform: "node", outfile, absWorkingDir: project, plugins: [antifreeze()] })
  return execFileSync(process.execPath, [outfile], { encoding: "utf8" }).trim()
}

describe("an integration that follows CONTRIBUTING.md", () => {
  test("is built: its types, its entry, and its place in the full layer", () => {
    const { exports } = JSON.parse(readFileSync(join(copy, "package.json"), "utf8")) as { exports: Record<string, unknown> }
    expect(exports["./toydb"]).toEqual({
      module: "./dist/esm/toydb.js",
      import: "./dist/esm/toydb.js",
      require: "./dist/cjs/toydb.js",
    })
    expect(existsSync(join(copy, "dist/cjs/toydb.d.ts"))).toBe(true)
    const more = join(copy, "dist/layer-more/nodejs/node_modules/antifreeze")
    expect(load(join(more, "more-libraries.cjs"))).toHaveProperty("toydb")
    expect((load(join(more, "more.cjs")) as { FILES: unknown }).FILES).toContainEqual(["toydb/client.js", "toydb", "module.exports"])
  })

  test.each([
    ["traced(client)", 'require("antifreeze/toydb").traced', false, "x set,get,f"],
    ["the esbuild plugin", "", true, "x set,get,f"],
    ["nothing", "", false, "x f"],
  ])("is traced by %s", async (_way, wrap, isBundled, printed) => {
    expect(await run(wrap, isBundled)).toBe(printed)
  })
})
