import { execFile } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { build } from "esbuild"
import { afterAll, beforeAll, expect, it } from "vitest"
import { antifreeze } from "../../src/esbuild.ts"
import { places } from "../runtimes/places.mjs"
import { type Store, startStore } from "./stores.mjs"

// Beside the clients, so that they are found from here; antifreeze as it is published: a file for each entry and module system.
const folder = fileURLToPath(new URL("./fixtures/stores/.cache/ways/", import.meta.url))
const src = fileURLToPath(new URL("../../src/", import.meta.url))
const run = promisify(execFile)
const nodes = { 22: join(places.node22.folder, "node_modules/node/bin/node"), 24: process.execPath }
const table: string[] = []
let store: Store

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  const own = join(folder, "node_modules/antifreeze")
  mkdirSync(own, { recursive: true })
  const entries = { ".": "index.ts", "./pg": "pg.ts", "./postgres": "postgres.ts", "./hook-loads": "platforms/node/hook-loads.ts" }
  const exports: Record<string, unknown> = {}
  for (const [name, file] of Object.entries(entries)) {
    const base = name === "." ? "index" : name.slice(2)
    exports[name] = { import: `./${base}.mjs`, require: `./${base}.cjs` }
    for (const [format, extension] of [
      ["esm", "mjs"],
      ["cjs", "cjs"],
    ] as const) {
      const define = { ANTIFREEZE_VERSION: '"0"' }
      await build({
        entryPoints: [join(src, file)],
        bundle: true,
        platform: "node",
        define,
        format,
        outfile: join(own, `${base}.${extension}`),
      })
    }
  }
  writeFileSync(join(own, "package.json"), JSON.stringify({ name: "antifreeze", version: "0.0.0", exports }))
  store = await startStore("postgres")
}, 60_000)
afterAll(async () => {
  await store.stop()
  console.log(["", "library   traced by          module           Node", ...table].join("\n"))
})

/** How each library makes a client, asks it something, and ends. */
const libraries = {
  pg: { make: "new library.Pool(options)", query: `(await client.query("select 'x' as a")).rows` },
  postgres: { make: "library({ ...options, fetch_types: false })", query: "[...(await client`select 'x' as a`)]" },
} as const
type Library = keyof typeof libraries

function program(library: Library, isModule: boolean, isTraced: boolean): string {
  const take = (what: string, from: string) => (isModule ? `import ${what} from "${from}"` : `const ${what} = require("${from}")`)
  return `
${take("{ withTracing }", "antifreeze")}
${take("library", library)}
${isTraced ? take("{ traced }", `antifreeze/${library}`) : "const traced = (client) => client"}
const names = []
const exporter = { async export(spans) { names.push(...spans.map((span) => span.operationName)); return { delivered: spans.length, dropped: 0, kept: 0 } } }
const options = { host: "127.0.0.1", port: ${store.port}, user: "root", database: "postgres" }
const client = traced(${libraries[library].make})
const handler = withTracing(async () => ${libraries[library].query}, { exporter })
handler({}, { awsRequestId: "1", functionName: "f", getRemainingTimeInMillis: () => 3000 }).then(async (rows) => {
  await client.end()
  console.log(JSON.stringify({ rows, names }))
})
`
}

const preload = `
import { createRequire } from "node:module"
import { hookLoads } from "antifreeze/hook-loads"
const require = createRequire(import.meta.url)
hookLoads((library) => require("antifreeze/" + library).traced)
`

for (const [library, version] of [
  ["pg", 22],
  ["pg", 24],
  ["postgres", 22],
  ["postgres", 24],
] as const) {
  for (const way of ["nothing", "the layer's hook", "the esbuild plugin", "traced(client)"] as const) {
    for (const kind of ["ESM", "CommonJS", "ESM bundle", "CommonJS bundle"] as const) {
      const isBundle = kind.endsWith("bundle")
      // Code that was bundled without the plugin has no files to hook, and files that were not bundled have had no plugin.
      if ((way === "the layer's hook" && isBundle) || (way === "the esbuild plugin" && !isBundle)) continue
      it(`${library} is traced by ${way}, ${kind}, Node ${version}`, async () => {
        const extension = kind.startsWith("ESM") ? "mjs" : "cjs"
        const name = `${library}-${way}-${kind}-${version}`.replace(/\W/g, "-")
        let file = join(folder, `${name}.${extension}`)
        writeFileSync(file, program(library, extension === "mjs", way === "traced(client)"))
        if (isBundle) {
          const outfile = join(folder, `${name}.bundle.${extension}`)
          await build({
            entryPoints: [file],
            bundle: true,
            minify: true,
            absWorkingDir: folder,
            platform: "node",
            format: extension === "mjs" ? "esm" : "cjs",
            banner:
              extension === "mjs"
                ? { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url)' }
                : {},
            external: ["pg-native"],
            outfile,
            plugins: way === "the esbuild plugin" ? [antifreeze()] : [],
            logLevel: "silent",
          })
          file = outfile
        }
        writeFileSync(join(folder, "preload.mjs"), preload)
        const args = way === "the layer's hook" ? ["--import", join(folder, "preload.mjs"), file] : [file]
        const { stdout, stderr } = await run(nodes[version], args, { cwd: folder })
        expect(stderr).toBe("")
        const { rows, names } = JSON.parse(stdout) as { rows: unknown; names: string[] }
        expect(rows).toEqual([{ a: "x" }])
        expect(names.filter((name) => name === "select")).toHaveLength(way === "nothing" ? 0 : 1)
        table.push(`${library.padEnd(10)}${way.padEnd(19)}${kind.padEnd(17)}${version}: ${way === "nothing" ? "not traced" : "traced"}`)
      })
    }
  }
}
