import { execFile } from "node:child_process"
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type BuildOptions, build } from "esbuild"
import { afterAll, beforeAll, expect, it } from "vitest"
import { antifreeze } from "../../src/esbuild.ts"
import { places } from "../runtimes/places.mjs"
import { type Store, startStore } from "./stores.mjs"

const fixtures = fileURLToPath(new URL("./fixtures/", import.meta.url))
// Beside the clients, so that they are found from here.
const folders = { stores: join(fixtures, "stores/.cache/ways"), older: join(fixtures, "stores-older/.cache/ways") }
const src = fileURLToPath(new URL("../../src/", import.meta.url))
const run = promisify(execFile)
const nodes = { 22: join(places.node22.folder, "node_modules/node/bin/node"), 24: process.execPath }
const table: string[] = []
const stores: Record<string, Store> = {}

beforeAll(async () => {
  const own = join(folders.stores, "node_modules/antifreeze")
  for (const folder of Object.values(folders)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(join(folder, "node_modules"), { recursive: true })
    writeFileSync(join(folder, "preload.mjs"), preload)
  }
  mkdirSync(own)
  symlinkSync(own, join(folders.older, "node_modules/antifreeze"))
  // As it is published: a file for each entry and module system.
  const names = [...new Set(Object.keys(libraries).map(entryOf))]
  const files = Object.fromEntries(names.map((name) => [`./${name}`, `${name}.ts`]))
  const entries = { ".": "index.ts", ...files, "./hook-loads": "platforms/node/hook-loads.ts" }
  const exports: Record<string, unknown> = {}
  for (const [name, file] of Object.entries(entries)) {
    const base = name === "." ? "index" : name.slice(2)
    exports[name] = { import: `./${base}.mjs`, require: `./${base}.cjs` }
    const define = { ANTIFREEZE_VERSION: '"0"' }
    const common: BuildOptions = { entryPoints: [join(src, file)], bundle: true, platform: "node", define }
    await build({ ...common, format: "esm", outfile: join(own, `${base}.mjs`) })
    await build({ ...common, format: "cjs", outfile: join(own, `${base}.cjs`) })
  }
  writeFileSync(join(own, "package.json"), JSON.stringify({ name: "antifreeze", version: "0.0.0", exports }))
  for (const server of ["postgres", "mariadb", "redis"]) stores[server] = await startStore(server)
}, 120_000)
afterAll(async () => {
  await Promise.all(Object.values(stores).map((store) => store.stop()))
  console.log(["", "library        traced by          module           Node", ...table].join("\n"))
})

interface Way {
  readonly module?: string
  readonly entry?: string
  readonly server: "postgres" | "mariadb" | "redis"
  readonly make: string
  readonly query: string
  readonly end?: string
  readonly span?: string
}
const redis = `(await client.set("a", "x"), [{ a: await client.get("a") }])`
const called = `new Promise((resolve, reject) => client.query("select 'x' as a", (error, rows) => (error ? reject(error) : resolve(rows))))`

/** How each library makes a client, asks it something, and ends. Those with a version are from before their tracing channel. */
const libraries: Record<string, Way> = {
  pg: { server: "postgres", make: "new library.Pool(options)", query: `(await client.query("select 'x' as a")).rows` },
  postgres: {
    server: "postgres",
    make: "library({ ...options, fetch_types: false })",
    query: "[...(await client`select 'x' as a`)]",
  },
  // Its own proxy is not there: what fails to connect is told all the same.
  "@neondatabase/serverless": {
    entry: "pg",
    module: "@neondatabase/serverless",
    server: "postgres",
    make: `(Object.assign(library.neonConfig, { wsProxy: "127.0.0.1:1", useSecureWebSocket: false }), new library.Pool(options))`,
    query: `await client.query("select 1").catch(() => [{ a: "x" }])`,
    span: "postgres",
  },
  mysql: { server: "mariadb", make: "library.createPool(options)", query: `await ${called}` },
  mariadb: { server: "mariadb", make: "library.createPool(options)", query: `await client.query("select 'x' as a")` },
  "mysql2 3.19": {
    module: "mysql2/promise",
    server: "mariadb",
    make: "library.createPool(options)",
    query: `(await client.query("select 'x' as a"))[0]`,
  },
  "redis 5.11": {
    server: "redis",
    make: "library.createClient({ socket: options })",
    query: `(await client.connect(), ${redis})`,
    end: "client.destroy()",
    span: "GET 127.0.0.1",
  },
  "ioredis 5.10": { server: "redis", make: "new library(options)", query: redis, end: "client.disconnect()", span: "GET 127.0.0.1" },
}

function entryOf(library: string): string {
  return libraries[library]?.entry ?? (library.split(" ")[0] as string)
}

function program(library: string, isModule: boolean, isTraced: boolean): string {
  const { module, server, make, query, end = "client.end()" } = libraries[library] as Way
  const database = { postgres: "postgres", mariadb: "mysql", redis: undefined }[server]
  const options = JSON.stringify({ host: "127.0.0.1", port: stores[server]?.port, user: server === "redis" ? undefined : "root", database })
  const take = (what: string, from: string) => (isModule ? `import ${what} from "${from}"` : `const ${what} = require("${from}")`)
  const isNamespace = library.startsWith("@")
  return `
${take("{ withTracing }", "antifreeze")}
${take(isModule && isNamespace ? "* as library" : "library", module ?? entryOf(library))}
${isTraced ? take("{ traced }", `antifreeze/${entryOf(library)}`) : "const traced = (client) => client"}
const names = []
const exporter = { async export(spans) { names.push(...spans.map((span) => span.operationName)); return { delivered: spans.length, dropped: 0, kept: 0 } } }
const options = ${options}
const client = traced(${make})
const handler = withTracing(async () => ${query}, { exporter })
handler({}, { awsRequestId: "1", functionName: "f", getRemainingTimeInMillis: () => 3000 }).then(async (rows) => {
  await ${end}
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

for (const [library, version] of Object.keys(libraries).flatMap((name) => [[name, 22] as const, [name, 24] as const])) {
  const folder = library.includes(" ") ? folders.older : folders.stores
  for (const way of ["nothing", "the layer's hook", "the esbuild plugin", "traced(client)"] as const) {
    for (const kind of ["ESM", "CommonJS", "ESM bundle", "CommonJS bundle"] as const) {
      const isBundle = kind.endsWith("bundle")
      // Code that was bundled without the plugin has no files to hook, and files that were not bundled have had no plugin.
      // That nothing comes of nothing is shown by two.
      if (way === "nothing" && library !== "pg" && library !== "postgres") continue
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
            // mysql tells its packets by the names of their classes: minified, it breaks by itself.
            keepNames: library === "mysql",
            absWorkingDir: folder,
            platform: "node",
            format: extension === "mjs" ? "esm" : "cjs",
            banner:
              extension === "mjs"
                ? { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url)' }
                : {},
            external: ["pg-native", "@node-rs/xxhash"],
            outfile,
            plugins: way === "the esbuild plugin" ? [antifreeze()] : [],
            logLevel: "silent",
          })
          file = outfile
        }
        const args = way === "the layer's hook" ? ["--import", join(folder, "preload.mjs"), file] : [file]
        const { stdout, stderr } = await run(nodes[version], args, { cwd: folder })
        expect(stderr).toBe("")
        const { rows, names } = JSON.parse(stdout) as { rows: unknown; names: string[] }
        expect(rows).toEqual([{ a: "x" }])
        const { span = "select" } = libraries[library] as Way
        expect(names.filter((name) => name.startsWith(span))).toHaveLength(way === "nothing" ? 0 : 1)
        table.push(
          `${library.padEnd(15).slice(0, 14)} ${way.padEnd(19)}${kind.padEnd(17)}${version}: ${way === "nothing" ? "not traced" : "traced"}`,
        )
      })
    }
  }
}
