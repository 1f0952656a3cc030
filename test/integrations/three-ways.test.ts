import { execFile } from "node:child_process"
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type BuildOptions, build, type Plugin } from "esbuild"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { install } from "../_installed.ts"
import { places } from "../runtimes/places.mjs"
import { startMongo } from "./_mongo-server.ts"
import { startSearch } from "./_search-server.ts"
import { startTds } from "./_tds-server.ts"
import { startStore } from "./stores.mjs"

// Beside the clients, so that they are found from here; antifreeze as it is published.
const fixtures = fileURLToPath(new URL("./fixtures/", import.meta.url))
const folder = join(fixtures, "stores/.cache/ways")
const older = join(fixtures, "stores-older/.cache/ways")
const run = promisify(execFile)
const nodes = { 22: join(places.node22.folder, "node_modules/node/bin/node"), 24: process.execPath }
const table: string[] = []
let plugin: Plugin

const DOUBLES = "mssql, mongodb, @elastic/elasticsearch and @opensearch-project/opensearch: against doubles of their servers."

interface Subject {
  /** Its entry: `antifreeze/…` */
  readonly entry: string
  /** How it is imported. */
  readonly take: "library" | "* as library"
  /** What is handed to `traced`, unless it is handed here. */
  readonly make: string
  readonly query: string
  readonly answer: unknown
  readonly span: string
  readonly end: string
  /** `port` of the programs below. */
  readonly server: () => Promise<{ port: number; stop(): unknown }>
  readonly external?: readonly string[]
  /** Where it is not what it is called here: one from before its tracing channel has its version in its name. */
  readonly module?: string
}

const none = () => Promise.resolve({ port: 0, stop() {} })

const mariadb = () => startStore("mariadb")
const redis = () => startStore("redis")
const options = `{ host: "127.0.0.1", port, user: "root", database: "mysql" }`
const setAndGet = `(await client.set("a", "x"), await client.get("a"))`

/** How each library makes a client, asks it something, and ends. */
const libraries: Readonly<Record<string, Subject>> = {
  pg: {
    entry: "pg",
    take: "library",
    make: `new library.Pool({ host: "127.0.0.1", port, user: "root", database: "postgres" })`,
    query: `(await client.query("select 'x' as a")).rows`,
    answer: [{ a: "x" }],
    span: "select",
    end: "client.end()",
    server: () => startStore("postgres"),
    external: ["pg-native"],
  },
  postgres: {
    entry: "postgres",
    take: "library",
    make: `library({ host: "127.0.0.1", port, user: "root", database: "postgres", fetch_types: false })`,
    query: "[...(await client`select 'x' as a`)]",
    answer: [{ a: "x" }],
    span: "select",
    end: "client.end()",
    server: () => startStore("postgres"),
  },
  "@neondatabase/serverless": {
    entry: "pg",
    take: "* as library",
    // Neon's proxy is not there: what fails to connect is told all the same.
    make: `(Object.assign(library.neonConfig, { wsProxy: "127.0.0.1:1", useSecureWebSocket: false }), new library.Pool(${options}))`,
    query: `await client.query("select 1").catch(() => "failed")`,
    answer: "failed",
    span: "mysql",
    end: "client.end()",
    server: none,
  },
  mysql: {
    entry: "mysql",
    take: "library",
    make: `library.createPool(${options})`,
    query: `new Promise((resolve, reject) => client.query("select 'x' as a", (error, rows) => (error ? reject(error) : resolve(rows))))`,
    answer: [{ a: "x" }],
    span: "select",
    end: "client.end()",
    server: mariadb,
  },
  mariadb: {
    entry: "mariadb",
    take: "library",
    make: `library.createPool(${options})`,
    query: `client.query("select 'x' as a")`,
    answer: [{ a: "x" }],
    span: "select",
    end: "client.end()",
    server: mariadb,
  },
  mssql: {
    entry: "mssql",
    take: "library",
    // Handed over before it connects: that is when it tells where its pools are.
    make: "library",
    query: `(await (await client.connect({ server: "127.0.0.1", port, user: "sa", password: "x", options: { encrypt: false } })).query("select a")).recordset`,
    answer: [{ a: 7 }],
    span: "select",
    end: "client.close()",
    server: startTds,
  },
  "mysql2 3.19": {
    entry: "mysql2",
    module: "mysql2/promise",
    take: "library",
    make: `library.createPool(${options})`,
    query: `(await client.query("select 'x' as a"))[0]`,
    answer: [{ a: "x" }],
    span: "select",
    end: "client.end()",
    server: mariadb,
  },
  "redis 5.11": {
    entry: "redis",
    module: "redis",
    take: "library",
    make: `library.createClient({ socket: { host: "127.0.0.1", port } })`,
    query: `(await client.connect(), ${setAndGet})`,
    answer: "x",
    span: "GET 127.0.0.1:PORT",
    end: "client.destroy()",
    server: redis,
    external: ["@node-rs/xxhash"],
  },
  "ioredis 5.10": {
    entry: "ioredis",
    module: "ioredis",
    take: "library",
    make: `new library({ host: "127.0.0.1", port })`,
    query: setAndGet,
    answer: "x",
    span: "GET 127.0.0.1:PORT",
    end: "client.disconnect()",
    server: redis,
  },
  kafkajs: {
    entry: "kafkajs",
    take: "library",
    // Made before anything is watched, as most producers are.
    make: `new library.Kafka({ brokers: ["127.0.0.1:" + port], logLevel: 0 })`,
    query: `(await producer.connect(), (await producer.send({ topic: "jobs", messages: [{ value: "x" }] })).length)`,
    answer: 1,
    span: "send jobs",
    end: "producer.disconnect()",
    server: () => startStore("kafka"),
  },
  memjs: {
    entry: "memjs",
    take: "library",
    make: `library.Client.create("localhost:" + port)`,
    query: `client.set("key", "x", {})`,
    answer: true,
    span: "set localhost:PORT",
    end: "client.close()",
    server: () => startStore("memcached"),
  },
  memcached: {
    entry: "memcached",
    take: "library",
    make: `new library("127.0.0.1:" + port)`,
    query: `new Promise((resolve) => client.set("key", "x", 60, (error, done) => resolve(error ?? done)))`,
    answer: true,
    span: "set 127.0.0.1:PORT",
    end: "client.end()",
    server: () => startStore("memcached"),
  },
  mongodb: {
    entry: "mongodb",
    take: "* as library",
    make: `new library.MongoClient("mongodb://127.0.0.1:" + port)`,
    query: `client.db("shop").collection("carts").findOne({ name: "x" })`,
    answer: null,
    span: "find carts",
    end: "client.close()",
    server: startMongo,
  },
  amqplib: {
    entry: "amqplib",
    take: "library",
    make: `library.connect("amqp://127.0.0.1:" + port).then(traced)`,
    query: `(async () => {
      const channel = await (await client).createConfirmChannel()
      await channel.assertQueue("jobs")
      channel.sendToQueue("jobs", Buffer.from("x"))
      await channel.waitForConfirms()
      return "sent"
    })()`,
    answer: "sent",
    span: "publish jobs",
    end: "(await client).close()",
    server: () => startStore("rabbitmq"),
  },
  nats: {
    entry: "nats",
    take: "* as library",
    make: `library.connect({ servers: "127.0.0.1:" + port }).then(traced)`,
    query: `((await client).publish("jobs", "x"), (await client).flush(), "sent")`,
    answer: "sent",
    span: "publish jobs",
    end: "(await client).close()",
    server: () => startStore("nats"),
  },
  mqtt: {
    entry: "mqtt",
    take: "* as library",
    make: `library.connect({ host: "127.0.0.1", port })`,
    query: `(await client.publishAsync("doors", "x", { qos: 1 }), "sent")`,
    answer: "sent",
    span: "publish doors",
    end: "client.endAsync()",
    server: () => startStore("mosquitto"),
  },
  "@elastic/elasticsearch": {
    entry: "elasticsearch",
    take: "* as library",
    make: `new library.Client({ node: "http://127.0.0.1:" + port })`,
    query: `client.cluster.health()`,
    answer: { status: "green" },
    span: "cluster.health 127.0.0.1:PORT",
    end: "client.close()",
    server: startSearch,
  },
  "@opensearch-project/opensearch": {
    entry: "opensearch",
    take: "* as library",
    make: `new library.Client({ node: "http://127.0.0.1:" + port })`,
    query: `(await client.cluster.health()).body`,
    answer: { status: "green" },
    span: "cluster.health 127.0.0.1:PORT",
    end: "client.close()",
    server: startSearch,
  },
  graphql: {
    entry: "graphql",
    take: "* as library",
    make: "library",
    query: `(await client.graphql({ schema: client.buildSchema("type Query { a: String }"), source: "{ a }", rootValue: { a: "x" } })).data`,
    answer: { a: "x" },
    span: "query",
    end: "0",
    server: none,
  },
  "@grpc/grpc-js": {
    entry: "grpc",
    take: "* as library",
    make: `new library.Client("127.0.0.1:1", library.credentials.createInsecure())`,
    // Nobody is there: the call ends with a status all the same.
    query: `new Promise((resolve) => client.makeUnaryRequest("/shop.Shop/Get", Buffer.from, Buffer.from, "", (error) => resolve(error.code)))`,
    answer: 14,
    span: "shop.Shop/Get",
    end: "client.close()",
    server: none,
  },
}
const servers = new Map<Subject["server"], Awaited<ReturnType<Subject["server"]>>>()

beforeAll(async () => {
  for (const place of [folder, older]) {
    rmSync(place, { recursive: true, force: true })
    mkdirSync(join(place, "node_modules"), { recursive: true })
    writeFileSync(join(place, "preload.mjs"), preload)
  }
  const own = install(folder)
  symlinkSync(own, join(older, "node_modules/antifreeze"))
  const hook = fileURLToPath(new URL("../../src/platforms/node/hook-loads.ts", import.meta.url))
  const outfile = join(folder, "hook-loads.mjs")
  await build({ entryPoints: [hook], bundle: true, platform: "node", format: "esm", outfile })
  cpSync(outfile, join(older, "hook-loads.mjs"))
  plugin = ((await import(join(own, "dist/esm/esbuild.js"))) as typeof import("../../src/esbuild.ts")).antifreeze()
  for (const { server } of Object.values(libraries)) if (!servers.has(server)) servers.set(server, await server())
}, 120_000)
afterAll(async () => {
  for (const server of servers.values()) await server.stop()
  console.log(["", "library                        traced by          module           Node", ...table, DOUBLES].join("\n"))
})

interface Way {
  readonly isModule: boolean
  /** How `traced` is come by, if at all. */
  readonly traced?: "import" | "require" | undefined
}

function program(library: string, { isModule, traced }: Way): string {
  const { entry, take, make, query, end, server, module = library } = libraries[library] as Subject
  const from = (what: string, module: string, isImport = isModule) =>
    isImport ? `import ${what} from "${module}"` : `const ${what.replace("* as ", "")} = require("${module}")`
  return `
${from("{ withTracing }", "antifreeze")}
${from(take, module)}
${traced ? from("{ traced }", `antifreeze/${entry}`, traced === "import") : "const traced = (client) => client"}
const names = []
const exporter = { async export(spans) { names.push(...spans.map((span) => span.operationName)); return { delivered: spans.length, dropped: 0, kept: 0 } } }
const port = ${servers.get(server)?.port}
const client = ${make.includes("traced") ? make : `traced(${make})`}
${library === "kafkajs" ? "const producer = client.producer({ createPartitioner: library.Partitioners.DefaultPartitioner })" : ""}
const handler = withTracing(async () => ${query}, { exporter })
handler({}, { awsRequestId: "1", functionName: "f", getRemainingTimeInMillis: () => 3000 }).then(async (answer) => {
  await ${end}
  console.log(JSON.stringify({ answer, names }))
})
`
}

/** Writes a program, beside its library. */
function write(library: string, way: Way, name: string): string {
  const file = join(placeOf(library), `${name.replace(/\W/g, "-")}.${way.isModule ? "mjs" : "cjs"}`)
  writeFileSync(file, program(library, way))
  return file
}

const placeOf = (library: string) => (library.includes(" ") ? older : folder)

/** Bundles a program as its author would. Gives the file, and what of this package is in it. */
async function bundle(library: string, file: string, options: BuildOptions = {}): Promise<{ outfile: string; ours: string[] }> {
  const outfile = file.replace(/(\.\w+)$/, ".bundle$1")
  const isModule = file.endsWith(".mjs")
  const { metafile } = await build({
    entryPoints: [file],
    bundle: true,
    minify: true,
    // mysql tells its packets by the names of their classes: minified, it breaks by itself.
    keepNames: library === "mysql",
    absWorkingDir: placeOf(library),
    platform: "node",
    format: isModule ? "esm" : "cjs",
    // What CommonJS in an ES module needs. postgres is none, and neither are we.
    banner:
      isModule && library !== "postgres"
        ? { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url)' }
        : {},
    external: [...(libraries[library]?.external ?? [])],
    outfile,
    metafile: true,
    logLevel: "silent",
    ...options,
  })
  const ours = Object.keys(metafile?.inputs ?? {}).flatMap((input) => /antifreeze\/dist\/(.*)$/.exec(input)?.[1] ?? [])
  return { outfile, ours }
}

async function expectSpans(library: string, version: keyof typeof nodes, args: readonly string[], count: number): Promise<void> {
  const { answer: expected, server, span } = libraries[library] as Subject
  const { stdout, stderr } = await run(nodes[version], args, { cwd: placeOf(library) })
  // kafkajs sets a timer for a time that has passed, and Node 24 says so.
  expect(stderr.replace(/^.*TimeoutNegativeWarning(?:.*\n){3}/, "")).toBe("")
  const { answer, names } = JSON.parse(stdout) as { answer: unknown; names: string[] }
  expect(answer).toEqual(expected)
  const wanted = span.replace("PORT", String(servers.get(server)?.port))
  expect(names.filter((each) => each === wanted)).toHaveLength(count)
}

const preload = `
import { createRequire } from "node:module"
import { hookLoads } from "./hook-loads.mjs"
const require = createRequire(import.meta.url)
hookLoads((library) => require("antifreeze/" + library).traced)
`

for (const library of Object.keys(libraries)) {
  for (const version of [22, 24] as const) {
    for (const way of ["nothing", "the layer's hook", "the esbuild plugin", "traced(client)"] as const) {
      for (const kind of ["ESM", "CommonJS", "ESM bundle", "CommonJS bundle"] as const) {
        const isBundle = kind.endsWith("bundle")
        // Code that was bundled without the plugin has no files to hook, and files that were not bundled have had no plugin.
        if ((way === "the layer's hook" && isBundle) || (way === "the esbuild plugin" && !isBundle)) continue
        it(`${library} is traced by ${way}, ${kind}, Node ${version}`, async () => {
          const isModule = kind.startsWith("ESM")
          const traced = way !== "traced(client)" ? undefined : isModule ? "import" : "require"
          const file = write(library, { isModule, traced }, `${library}-${way}-${kind}-${version}`)
          const plugins = way === "the esbuild plugin" ? [plugin] : []
          const started = isBundle ? (await bundle(library, file, { plugins })).outfile : file
          const args = way === "the layer's hook" ? ["--import", join(placeOf(library), "preload.mjs"), started] : [started]
          await expectSpans(library, version, args, way === "nothing" ? 0 : 1)
          table.push(`${library.padEnd(31)}${way.padEnd(19)}${kind.padEnd(17)}${version}: ${way === "nothing" ? "not traced" : "traced"}`)
        })
      }
    }
  }
}

describe.each(["pg", "postgres", "mysql2 3.19", "redis 5.11"])("%s in a bundle, by the plugin and by traced(client)", (library) => {
  it.each([
    ["ESM", "import"],
    ["ESM", "require"],
    ["CommonJS", "import"],
    ["CommonJS", "require"],
  ] as const)("is traced by one copy of us, once: %s, %s", async (kind, traced) => {
    const file = write(library, { isModule: kind === "ESM", traced }, `${library}-both-${kind}-${traced}`)
    const { outfile, ours } = await bundle(library, file, { plugins: [plugin], minify: false })
    expect(ours).toContain(`esm/${libraries[library]?.entry}.js`)
    expect(ours.filter((file) => !file.startsWith("esm/"))).toEqual([])
    for (const version of [22, 24] as const) await expectSpans(library, version, [outfile], 1)
  })

  it("is traced where the bundle leaves us out, and finds us installed", async () => {
    for (const isModule of [true, false]) {
      const file = write(library, { isModule }, `${library}-external`)
      const external = ["antifreeze", "antifreeze/*", ...(libraries[library]?.external ?? [])]
      const banner = { js: isModule ? 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url)' : "" }
      const { outfile, ours } = await bundle(library, file, { plugins: [plugin], external, banner })
      expect(ours).toEqual([])
      await expectSpans(library, 24, [outfile], 1)
    }
  })
})
