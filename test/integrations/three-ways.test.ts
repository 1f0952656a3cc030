import { execFile } from "node:child_process"
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { build } from "esbuild"
import { afterAll, beforeAll, expect, it } from "vitest"
import { antifreeze } from "../../src/esbuild.ts"
import { places } from "../runtimes/places.mjs"
import { startMongo } from "./_mongo-server.ts"
import { startSearch } from "./_search-server.ts"
import { startTds } from "./_tds-server.ts"
import { startStore } from "./stores.mjs"

// Beside the clients, so that they are found from here; antifreeze as it is published: a file for each entry and module system.
const fixtures = fileURLToPath(new URL("./fixtures/", import.meta.url))
const folder = join(fixtures, "stores/.cache/ways")
const older = join(fixtures, "stores-older/.cache/ways")
const src = fileURLToPath(new URL("../../src/", import.meta.url))
const run = promisify(execFile)
const nodes = { 22: join(places.node22.folder, "node_modules/node/bin/node"), 24: process.execPath }
const table: string[] = []

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
  const own = join(folder, "node_modules/antifreeze")
  mkdirSync(own)
  symlinkSync(own, join(older, "node_modules/antifreeze"))
  const names = new Set(["index", "hook-loads", ...Object.values(libraries).map(({ entry }) => entry)])
  const exports: Record<string, unknown> = {}
  for (const name of names) {
    exports[name === "index" ? "." : `./${name}`] = { import: `./${name}.mjs`, require: `./${name}.cjs` }
    for (const [format, extension] of [
      ["esm", "mjs"],
      ["cjs", "cjs"],
    ] as const) {
      await build({
        entryPoints: [join(src, name === "hook-loads" ? "platforms/node/hook-loads.ts" : `${name}.ts`)],
        bundle: true,
        platform: "node",
        define: { ANTIFREEZE_VERSION: '"0"' },
        format,
        outfile: join(own, `${name}.${extension}`),
      })
    }
  }
  writeFileSync(join(own, "package.json"), JSON.stringify({ name: "antifreeze", version: "0.0.0", exports }))
  for (const { server } of Object.values(libraries)) if (!servers.has(server)) servers.set(server, await server())
}, 120_000)
afterAll(async () => {
  for (const server of servers.values()) await server.stop()
  console.log(["", "library                        traced by          module           Node", ...table, DOUBLES].join("\n"))
})

function program(library: string, isModule: boolean, isTraced: boolean): string {
  const { entry, take, make, query, end, server, module = library } = libraries[library] as Subject
  const from = (what: string, module: string) =>
    isModule ? `import ${what} from "${module}"` : `const ${what.replace("* as ", "")} = require("${module}")`
  return `
${from("{ withTracing }", "antifreeze")}
${from(take, module)}
${isTraced ? from("{ traced }", `antifreeze/${entry}`) : "const traced = (client) => client"}
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

const preload = `
import { createRequire } from "node:module"
import { hookLoads } from "antifreeze/hook-loads"
const require = createRequire(import.meta.url)
hookLoads((library) => require("antifreeze/" + library).traced)
`

for (const [library, { span, answer: expected, server, external = [] }] of Object.entries(libraries)) {
  for (const version of [22, 24] as const) {
    for (const way of ["nothing", "the layer's hook", "the esbuild plugin", "traced(client)"] as const) {
      for (const kind of ["ESM", "CommonJS", "ESM bundle", "CommonJS bundle"] as const) {
        const isBundle = kind.endsWith("bundle")
        // Code that was bundled without the plugin has no files to hook, and files that were not bundled have had no plugin.
        if ((way === "the layer's hook" && isBundle) || (way === "the esbuild plugin" && !isBundle)) continue
        it(`${library} is traced by ${way}, ${kind}, Node ${version}`, async () => {
          const extension = kind.startsWith("ESM") ? "mjs" : "cjs"
          const place = library.includes(" ") ? older : folder
          const name = `${library}-${way}-${kind}-${version}`.replace(/\W/g, "-")
          let file = join(place, `${name}.${extension}`)
          writeFileSync(file, program(library, extension === "mjs", way === "traced(client)"))
          if (isBundle) {
            const outfile = join(place, `${name}.bundle.${extension}`)
            await build({
              entryPoints: [file],
              bundle: true,
              minify: true,
              // mysql tells its packets by the names of their classes: minified, it breaks by itself.
              keepNames: library === "mysql",
              absWorkingDir: place,
              platform: "node",
              format: extension === "mjs" ? "esm" : "cjs",
              banner:
                extension === "mjs"
                  ? { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url)' }
                  : {},
              external: [...external],
              outfile,
              plugins: way === "the esbuild plugin" ? [antifreeze()] : [],
              logLevel: "silent",
            })
            file = outfile
          }
          const args = way === "the layer's hook" ? ["--import", join(place, "preload.mjs"), file] : [file]
          const { stdout, stderr } = await run(nodes[version], args, { cwd: place })
          // kafkajs sets a timer for a time that has passed, and Node 24 says so.
          expect(stderr.replace(/^.*TimeoutNegativeWarning(?:.*\n){3}/, "")).toBe("")
          const { answer, names } = JSON.parse(stdout) as { answer: unknown; names: string[] }
          expect(answer).toEqual(expected)
          const wanted = span.replace("PORT", String(servers.get(server)?.port))
          expect(names.filter((each) => each === wanted)).toHaveLength(way === "nothing" ? 0 : 1)
          table.push(`${library.padEnd(31)}${way.padEnd(19)}${kind.padEnd(17)}${version}: ${way === "nothing" ? "not traced" : "traced"}`)
        })
      }
    }
  }
}
