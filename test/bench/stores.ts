// What tracing adds to a call of a data store or a broker, in CPU time, against the bare client and OpenTelemetry's instrumentation in
// the same run: `node test/bench/stores.ts`, or with the names of some libraries, whose rows it measures anew. Each way has processes of
// its own, the servers have others. In one that traces, rounds within a trace and without one take turns: the machine's moods are in both.
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { startMongo } from "../integrations/_mongo-server.ts"
import { startSearch } from "../integrations/_search-server.ts"
import { client as load } from "../integrations/_stores.ts"
import { startTds } from "../integrations/_tds-server.ts"
import { startStore } from "../integrations/stores.mjs"
import { keepResults, readResults, table } from "./_figures.ts"
import { addedUs, callUs, STORE_WAYS, type StoreCell, type StorePair, type StoreWay } from "./_shapes.ts"

const PROCESSES = 2
const PAIRS = 40
const CALLS = 100

// biome-ignore lint/suspicious/noExplicitAny: of many libraries.
type Any = any
type Query = () => Promise<unknown>
interface Library {
  start(): Promise<{ readonly port: number; stop(): unknown }>
  /** `traced` hands a client to ours, when it is its turn. */
  connect(port: number, traced: <T>(client: T) => Promise<T>): Promise<Query> | Query
  /** OpenTelemetry's package for it, and its class. */
  readonly rival?: readonly [name: string, instrumentation: string]
  /** Where one call takes milliseconds, of which the processor has little. */
  readonly calls?: number
}

const HOST = "127.0.0.1"
const server = (name: string) => () => startStore(name)
const mysqlAt = (port: number) => ({ host: HOST, port, user: "root" })
const pgAt = (port: number) => ({ ...mysqlAt(port), database: "postgres" })
const called = (ask: (callback: (error: unknown, value: unknown) => void) => void) =>
  new Promise((resolve, reject) => ask((error, value) => (error ? reject(error as Error) : resolve(value))))

const libraries: Readonly<Record<string, Library>> = {
  ioredis: {
    start: server("redis"),
    rival: ["ioredis", "IORedisInstrumentation"],
    connect(port) {
      const client = new (load<Any>("ioredis").Redis)({ host: HOST, port })
      return () => client.get("key")
    },
  },
  redis: {
    start: server("redis"),
    rival: ["redis", "RedisInstrumentation"],
    async connect(port) {
      const client = await load<Any>("redis")
        .createClient({ socket: { host: HOST, port } })
        .connect()
      return () => client.get("key")
    },
  },
  mysql2: {
    start: server("mariadb"),
    rival: ["mysql2", "MySQL2Instrumentation"],
    connect(port) {
      const pool = load<Any>("mysql2/promise").createPool(mysqlAt(port))
      return () => pool.query("select 1 as a where 2 = ?", [3])
    },
  },
  mysql: {
    start: server("mariadb"),
    rival: ["mysql", "MySQLInstrumentation"],
    async connect(port, traced) {
      const pool = await traced(load<Any>("mysql").createPool(mysqlAt(port)))
      return () => called((callback) => pool.query("select 1 as a where 2 = ?", [3], callback))
    },
  },
  mariadb: {
    start: server("mariadb"),
    async connect(port, traced) {
      const pool = await traced(load<Any>("mariadb").createPool(mysqlAt(port)))
      return () => pool.query("select 1 as a where 2 = ?", [3])
    },
  },
  pg: {
    start: server("postgres"),
    rival: ["pg", "PgInstrumentation"],
    async connect(port, traced) {
      const pool = await traced(new (load<Any>("pg").Pool)(pgAt(port)))
      return () => pool.query("select 1 as a where 2 = $1::int", [3])
    },
  },
  postgres: {
    start: server("postgres"),
    async connect(port, traced) {
      const sql = await traced(load<Any>("postgres")(pgAt(port)))
      return () => sql`select 1 as a where 2 = ${3}::int`
    },
  },
  mssql: {
    start: startTds,
    rival: ["tedious", "TediousInstrumentation"],
    async connect(port, traced) {
      const mssql = await traced(load<Any>("mssql"))
      const pool = await mssql.connect({
        server: HOST,
        port,
        user: "sa",
        password: "secret",
        options: { encrypt: false },
      })
      return () => pool.request().query("select 1 as a")
    },
  },
  mongodb: {
    start: startMongo,
    rival: ["mongodb", "MongoDBInstrumentation"],
    async connect(port, traced) {
      const client = await traced(await new (load<Any>("mongodb").MongoClient)(`mongodb://${HOST}:${port}`).connect())
      const things = client.db("shop").collection("things")
      return () => things.findOne({ _id: 1 })
    },
  },
  memcached: {
    start: server("memcached"),
    rival: ["memcached", "MemcachedInstrumentation"],
    async connect(port, traced) {
      const client = await traced(new (load<Any>("memcached"))(`${HOST}:${port}`))
      return () => called((callback) => client.get("key", callback))
    },
  },
  elasticsearch: {
    start: startSearch,
    async connect(port, traced) {
      const client = await traced(new (load<Any>("@elastic/elasticsearch").Client)({ node: `http://${HOST}:${port}` }))
      await client.index({ index: "things", id: "1", document: {} })
      return () => client.get({ index: "things", id: "1" })
    },
  },
  amqplib: {
    start: server("rabbitmq"),
    rival: ["amqplib", "AmqplibInstrumentation"],
    async connect(port, traced) {
      const connection = await load<Any>("amqplib").connect(`amqp://${HOST}:${port}`)
      const channel = await traced(await connection.createConfirmChannel())
      await channel.assertQueue("jobs", { maxLength: 10 })
      return () => called((callback) => channel.sendToQueue("jobs", Buffer.from("x"), {}, callback))
    },
  },
  nats: {
    start: server("nats"),
    async connect(port, traced) {
      const client = await load<Any>("nats").connect({ servers: `${HOST}:${port}` })
      client.subscribe("echo", { callback: (_: unknown, message: Any) => message.respond(message.data) })
      await traced(client)
      return () => client.request("echo", "x")
    },
  },
  mqtt: {
    start: server("mosquitto"),
    async connect(port, traced) {
      const client = await traced(await load<Any>("mqtt").connectAsync(`mqtt://${HOST}:${port}`, { protocolVersion: 5 }))
      return () => client.publishAsync("doors/1", "x", { qos: 1 })
    },
  },
  kafkajs: {
    start: server("kafka"),
    rival: ["kafkajs", "KafkaJsInstrumentation"],
    calls: 20,
    async connect(port, traced) {
      const { Kafka, Partitioners } = load<Any>("kafkajs")
      const kafka = await traced(new Kafka({ brokers: [`${HOST}:${port}`], logLevel: 0 }))
      const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
      await producer.connect()
      return () => producer.send({ topic: "jobs", messages: [{ value: "x" }] })
    },
  },
  grpc: {
    start: startGrpc,
    rival: ["grpc", "GrpcInstrumentation"],
    async connect(port, traced) {
      const { credentials, makeGenericClientConstructor } = load<Any>("@grpc/grpc-js")
      const client = await traced(new (makeGenericClientConstructor(SHOP, "Shop"))(`${HOST}:${port}`, credentials.createInsecure()))
      return () => called((callback) => client.get("x", callback))
    },
  },
}

const SHOP = {
  get: {
    path: "/shop.Shop/Get",
    requestStream: false,
    responseStream: false,
    requestSerialize: Buffer.from,
    requestDeserialize: String,
    responseSerialize: Buffer.from,
    responseDeserialize: String,
  },
}

async function startGrpc(): Promise<{ port: number; stop(): void }> {
  const { Server, ServerCredentials } = load<Any>("@grpc/grpc-js")
  const shop = new Server()
  shop.addService(SHOP, { get: (_: unknown, callback: (error: null, value: string) => void) => callback(null, "x") })
  const port = await called((done) => shop.bindAsync(`${HOST}:0`, ServerCredentials.createInsecure(), done))
  return { port: Number(port), stop: () => shop.forceShutdown() }
}

/** What has been exported in this process, so that nothing is measured that is not traced. */
const spans = { count: 0 }
const [, file = "", ...args] = process.argv
if (args[0] === "measure") console.log(JSON.stringify(await measure(args[1] as string, args[2] as StoreWay, Number(args[3]))))
else await compare(args.length > 0 ? args : Object.keys(libraries))

async function compare(names: readonly string[]): Promise<void> {
  const run = promisify(execFile)
  const cells = names.length === Object.keys(libraries).length ? [] : readResults<StoreCell[]>("bench-stores")
  for (const name of names) {
    const { start, rival } = libraryOf(name)
    const store = await start()
    const cell: StoreCell = { library: name, ways: { bare: [], antifreeze: [], ...(rival && { opentelemetry: [] }) } }
    try {
      for (let turn = 0; turn < PROCESSES; turn++) {
        for (const way of STORE_WAYS) {
          if (cell.ways[way] === undefined) continue
          const { stdout } = await run(process.execPath, [file, "measure", name, way, String(store.port)])
          cell.ways[way].push(...(JSON.parse(stdout) as StorePair[]))
        }
      }
    } finally {
      await store.stop()
    }
    const at = cells.findIndex(({ library }) => library === name)
    cells.splice(at < 0 ? cells.length : at, at < 0 ? 0 : 1, cell)
    keepResults("bench-stores", cells)
  }
  const us = (value: number | undefined) => (value === undefined ? "" : value.toFixed(1))
  const rows = cells.map((cell) => [
    cell.library,
    us(callUs(cell, "bare")),
    us(callUs(cell, "antifreeze")),
    us(addedUs(cell, "antifreeze")),
    us(addedUs(cell, "opentelemetry")),
  ])
  const head = ["", "bare", "with us, untraced", "antifreeze adds", "OpenTelemetry adds"]
  console.log(`CPU of a call, µs: medians of ${PROCESSES * PAIRS} pairs of rounds.\n${table([head, ...rows])}`)
}

function libraryOf(name: string): Library {
  const library = libraries[name]
  if (library === undefined) throw new Error(`There is no ${name}. There are ${Object.keys(libraries).join(", ")}.`)
  return library
}

async function measure(name: string, way: StoreWay, port: number): Promise<StorePair[]> {
  const { connect, calls = CALLS, rival } = libraryOf(name)
  const { traced, untraced } = await traceBy(way, rival)
  const query = await connect(port, async (client) =>
    way === "antifreeze" ? ((await import(`../../src/${name}.ts`)) as { traced<T>(target: T): T }).traced(client) : client,
  )
  const round = async (under: Under) => {
    spans.count = 0
    const before = process.cpuUsage()
    await under(async () => {
      for (let at = 0; at < calls; at++) await query()
    })
    const { user, system } = process.cpuUsage(before)
    // Some make more than one for a call.
    const [made, wanted] = [spans.count, way === "bare" || under === untraced ? 0 : calls + 1]
    if (made < wanted || (wanted === 0 && made > 0)) throw new Error(`${way} has made ${made} spans of ${wanted}.`)
    return (user + system) / calls
  }
  for (let at = 0; at < 5; at++) await round(untraced)
  for (let at = 0; at < 10; at++) await round(at % 2 === 0 ? traced : untraced)
  const pairs: StorePair[] = []
  for (let at = 0; at < PAIRS; at++) {
    // Whichever is first has what the other has left to collect.
    if (at % 2 === 0) pairs.push({ tracedUs: await round(traced), untracedUs: await round(untraced) })
    else {
      const untracedUs = await round(untraced)
      pairs.push({ tracedUs: await round(traced), untracedUs })
    }
  }
  setImmediate(() => process.exit())
  return pairs
}

type Under = (fn: () => Promise<void>) => Promise<void>

/** Gives what runs a function under a span, whose spans are dropped when it has ended, and what runs one without. */
async function traceBy(way: StoreWay, rival: Library["rival"]): Promise<{ traced: Under; untraced: Under }> {
  const plain: Under = (fn) => fn()
  if (way === "bare") return { traced: plain, untraced: plain }
  if (way === "antifreeze") {
    const { createTracer } = await import("../../src/platforms/node/node-tracer.ts")
    const { watchAll } = await import("../../src/platforms/node/integrations.ts")
    const tracer = createTracer({
      exporter: {
        export: async (all: readonly unknown[]) => {
          spans.count += all.length
          return { delivered: 0, dropped: 0, kept: 0 }
        },
      },
    })
    watchAll()
    const traced: Under = async (fn) => {
      await tracer.startActiveSpan("root", fn)
      await tracer.flush()
    }
    return { traced, untraced: plain }
  }
  const { NodeTracerProvider, SimpleSpanProcessor } = load<Any>("@opentelemetry/sdk-trace-node")
  const { context } = load<Any>("@opentelemetry/api")
  const { suppressTracing } = load<Any>("@opentelemetry/core")
  const processor = new SimpleSpanProcessor({
    export(all: readonly unknown[], done: (result: object) => void) {
      spans.count += all.length
      done({ code: 0 })
    },
    shutdown: async () => {},
  })
  const provider = new NodeTracerProvider({ spanProcessors: [processor] })
  provider.register()
  const [name, instrumentation] = rival ?? []
  load<Any>("@opentelemetry/instrumentation").registerInstrumentations({
    instrumentations: [new (load<Any>(`@opentelemetry/instrumentation-${name}`)[instrumentation as string])()],
  })
  const tracer = provider.getTracer("bench")
  return {
    traced: (fn) =>
      tracer.startActiveSpan("root", async (span: { end(): void }) => {
        await fn()
        span.end()
        await provider.forceFlush()
      }),
    untraced: (fn) => context.with(suppressTracing(context.active()), fn),
  }
}
