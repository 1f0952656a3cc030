// The layer with its other zip, on both of AWS's runtimes: libraries that have to be patched, and the capture of payloads, without a
// line of code. The clients are real, and so are the servers of MariaDB, memcached, NATS and MQTT; the others are doubles.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import type { Invocation, Runtime } from "../../src/environment/contracts.ts"
import { openEnvironment } from "../../src/environment/environment.ts"
import { type Collector, startCollector } from "../../src/viewer/collector.ts"
import { startMongo } from "../integrations/_mongo-server.ts"
import { startSearch } from "../integrations/_search-server.ts"
import { startTds } from "../integrations/_tds-server.ts"
import { startStore } from "../integrations/stores.mjs"
import { runtimes } from "../runtimes/runtimes.ts"
import { opt } from "./_compare.ts"

const both: readonly (readonly [string, Runtime])[] = [
  ["Node 22, aws-lambda-ric 3", runtimes.ric3],
  ["Node 24, aws-lambda-ric 4", runtimes.ric4],
]
/** Beside the clients, so that they are found from here. */
const taskRoot = fileURLToPath(new URL("../integrations/fixtures/stores/.cache/more/", import.meta.url))
const more = `${opt}-more`
const ports: Record<string, number> = {}
const stops: (() => unknown)[] = []
let full: string

const CALLS: Readonly<Record<string, string>> = {
  mysql: `const pool = mysql.createPool({ host, port: ports.mariadb, user: "root", database: "mysql" })
    await new Promise((resolve, reject) => pool.query("select 'x' as a", (error) => error ? reject(error) : resolve()))
    await new Promise((resolve) => pool.end(resolve))`,
  mariadb: `const pool = mariadb.createPool({ host, port: ports.mariadb, user: "root", database: "mysql" })
    await pool.query("select 'x' as b")
    await pool.end()`,
  memcached: `const client = new memcached(host + ":" + ports.memcached)
    await new Promise((resolve) => client.set("key", "x", 60, resolve))
    client.end()`,
  mongodb: `const client = new mongodb.MongoClient("mongodb://" + host + ":" + ports.mongodb)
    await client.db("shop").collection("carts").findOne({ name: "x" })
    await client.close()`,
  mssql: `const pool = await mssql.connect({ server: host, port: ports.mssql, user: "sa", password: "x", options: { encrypt: false } })
    await pool.query("select a")
    await pool.close()`,
  nats: `const client = await nats.connect({ servers: host + ":" + ports.nats })
    client.publish("jobs", "x")
    await client.close()`,
  mqtt: `const client = await mqtt.connectAsync({ host, port: ports.mosquitto })
    await client.publishAsync("doors", "x", { qos: 1 })
    await client.endAsync()`,
  "@elastic/elasticsearch": `const client = new elastic_elasticsearch.Client({ node: "http://" + host + ":" + ports.search })
    await client.cluster.health()
    await client.close()`,
  graphql: `await graphql.graphql({ schema: graphql.buildSchema("type Query { a: String }"), source: "{ a }", rootValue: { a: "x" } })`,
  "@grpc/grpc-js": `const client = new grpc_grpc_js.Client(host + ":1", grpc_grpc_js.credentials.createInsecure())
    await new Promise((resolve) => client.makeUnaryRequest("/shop.Shop/Get", Buffer.from, Buffer.from, "", resolve))
    client.close()`,
}
const SPANS = [
  "select",
  "select",
  "set 127.0.0.1:PORT",
  "find carts",
  "select",
  "publish jobs",
  "publish doors",
  "cluster.health 127.0.0.1:PORT",
  "query",
  "shop.Shop/Get",
]
const WHOLE = /^(?:mongodb|nats|mqtt|@|graphql)/
const nameOf = (library: string) => library.replaceAll(/^@|\W/g, (found) => (found === "@" ? "" : "_"))

beforeAll(async () => {
  full = mkdtempSync(join(tmpdir(), "antifreeze-full-"))
  for (const part of [opt, more]) cpSync(part, full, { recursive: true })
  for (const name of ["mariadb", "memcached", "nats", "mosquitto"]) await start(name, startStore(name))
  await start("mongodb", startMongo())
  await start("mssql", startTds())
  await start("search", startSearch())
  mkdirSync(taskRoot, { recursive: true })
  const body = Object.values(CALLS).map((call) => `  {\n    ${call}\n  }\n`)
  const text = (take: (library: string) => string, given: string) => `${Object.keys(CALLS).map(take).join("\n")}
const [host, ports] = ["127.0.0.1", JSON.parse(process.env.PORTS)]
${given} = async (event) => {
${body.join("")}  return { answer: "done", password: "hunter2" }
}
`
  const imported = (library: string) => `import ${WHOLE.test(library) ? "* as " : ""}${nameOf(library)} from "${library}"`
  writeFileSync(`${taskRoot}esm.mjs`, text(imported, "export const handler"))
  writeFileSync(
    `${taskRoot}cjs.cjs`,
    text((library) => `const ${nameOf(library)} = require("${library}")`, "exports.handler"),
  )
}, 60_000)
afterAll(async () => {
  for (const stop of stops) await stop()
  rmSync(full, { recursive: true })
})

async function start(name: string, starting: Promise<{ port: number; stop(): unknown }>): Promise<void> {
  const { port, stop } = await starting
  ports[name] = port
  stops.push(stop)
}

interface Run {
  readonly runtime: Runtime
  readonly handler: string
  readonly optRoot?: string
  readonly env?: Readonly<Record<string, string>>
}

async function run({ runtime, handler, optRoot = full, env }: Run): Promise<{ answered: Invocation; collector: Collector }> {
  const collector = await startCollector()
  onTestFinished(() => collector.close())
  const environment = openEnvironment({
    ...{ runtime, handler, optRoot, taskRoot, timeoutMs: 20_000 },
    env: {
      PORTS: JSON.stringify(ports),
      AWS_LAMBDA_EXEC_WRAPPER: `${optRoot}/antifreeze`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      ...env,
    },
  })
  try {
    return { answered: await environment.invoke({ user: "ada", password: "hunter2" }), collector }
  } finally {
    await environment.close()
  }
}

function namesIn(collector: Collector): string[] {
  const calls = collector.spans.filter(({ parentSpanId }) => parentSpanId !== undefined)
  const known = new Set(SPANS)
  return calls.map(({ name }) => name.replace(/:\d+$/, ":PORT")).filter((name) => known.has(name))
}

describe.each(both)("%s", (_name, runtime) => {
  test.each(["esm.handler", "cjs.handler"])("each library has its span: %s", { timeout: 60_000 }, async (handler) => {
    const { answered, collector } = await run({ runtime, handler })
    expect([answered.functionError, answered.payload.toString()]).toEqual([undefined, '{"answer":"done","password":"hunter2"}'])
    expect(namesIn(collector).sort()).toEqual(SPANS.toSorted())
    expect(
      collector.spans.flatMap(({ attributes }) => Object.keys(attributes)).filter((key) => key.startsWith("antifreeze.event")),
    ).toEqual([])
  })

  test("payloads are captured when the environment asks, and masked", { timeout: 60_000 }, async () => {
    const { collector } = await run({ runtime, handler: "cjs.handler", env: { ANTIFREEZE_CAPTURE: "event,result" } })
    const root = collector.spans.find(({ parentSpanId }) => parentSpanId === undefined)
    expect(root?.attributes).toMatchObject({
      "antifreeze.event": '{"user":"ada","password":"REDACTED"}',
      "antifreeze.result": '{"answer":"done","password":"REDACTED"}',
    })
  })

  test("of another version, it is left out, and the log says so once", { timeout: 60_000 }, async () => {
    const optRoot = mkdtempSync(join(tmpdir(), "antifreeze-mixed-"))
    onTestFinished(() => rmSync(optRoot, { recursive: true }))
    cpSync(full, optRoot, { recursive: true })
    const file = join(optRoot, "nodejs/node_modules/antifreeze/more.cjs")
    const { version } = JSON.parse(readFileSync(join(optRoot, "nodejs/node_modules/antifreeze/package.json"), "utf8")) as {
      version: string
    }
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(JSON.stringify(version), '"99.0.0"'))
    const { answered, collector } = await run({ runtime, handler: "cjs.handler", optRoot })
    expect(answered.payload.toString()).toContain("done")
    expect(answered.logs.split("\n").filter((line) => line.includes("[antifreeze]"))).toEqual([expect.stringContaining("99.0.0")])
    expect(namesIn(collector)).not.toContain("find carts")
  })
})
