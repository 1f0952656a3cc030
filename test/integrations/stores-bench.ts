// What tracing adds to a query, in CPU time, against the bare client and OpenTelemetry's instrumentation in the same run:
// `node test/integrations/stores-bench.ts`. Each way has processes of its own; rounds are interleaved.
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { client as load } from "./_stores.ts"
import { startStore } from "./stores.mjs"

const libraries = {
  ioredis: "redis",
  redis: "redis",
  mysql2: "mariadb",
  mysql: "mariadb",
  mariadb: "mariadb",
  pg: "postgres",
  postgres: "postgres",
  memcached: "memcached",
  nats: "nats",
  kafkajs: "kafka",
} as const
type Library = keyof typeof libraries
/** OpenTelemetry has none of the others, or none that is installed here. */
const INSTRUMENTED = new Set<Library>(["ioredis", "mysql2", "pg"])
const ways = ["bare", "antifreeze", "opentelemetry"] as const
type Way = (typeof ways)[number]

const ROUNDS = 25
const QUERIES = 200
/** Each of its calls takes milliseconds, of which the processor has little. */
const KAFKA_CALLS = 20

// biome-ignore lint/suspicious/noExplicitAny: of many libraries.
type Any = any
const [, file = "", library, way, port] = process.argv
if (library === undefined) await compare()
else console.log(await measure(library as Library, way as Way, Number(port)))

async function compare(): Promise<void> {
  const run = promisify(execFile)
  console.log("CPU added to a query, µs: median of the rounds of the quietest of three processes (bare: the query itself)")
  for (const [library, server] of Object.entries(libraries)) {
    const store = await startStore(server)
    const found: Record<Way, number[]> = { bare: [], antifreeze: [], opentelemetry: [] }
    for (let turn = 0; turn < 3; turn++) {
      for (const way of ways) {
        if (way === "opentelemetry" && !INSTRUMENTED.has(library as Library)) continue
        found[way].push(Number((await run(process.execPath, [file, library, way, String(store.port)])).stdout))
      }
    }
    await store.stop()
    const bare = Math.min(...found.bare)
    const added = (way: Way) => (found[way].length > 0 ? `   ${way} +${(Math.min(...found[way]) - bare).toFixed(1).padStart(7)}` : "")
    console.log(`${library.padEnd(9)} bare ${bare.toFixed(1).padStart(6)}${added("antifreeze")}${added("opentelemetry")}`)
  }
}

async function measure(library: Library, way: Way, port: number): Promise<number> {
  const underSpan = await traceBy(way)
  const query = await connect(library, port, way)
  const queries = library === "kafkajs" ? KAFKA_CALLS : QUERIES
  for (let at = 0; at < 7.5 * queries; at++) await underSpan(query)
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    await underSpan(async () => {
      for (let at = 0; at < queries; at++) await query()
    })
    const { user, system } = process.cpuUsage(before)
    rounds.push((user + system) / queries)
  }
  setImmediate(() => process.exit())
  return median(rounds)
}

async function connect(library: Library, port: number, way: Way): Promise<() => Promise<unknown>> {
  const at = { host: "127.0.0.1", port }
  const mysql = { ...at, user: "root" }
  const traced = async <T extends object>(client: T): Promise<T> =>
    way === "antifreeze" ? ((await import(`../../src/${library}.ts`)) as { traced(target: T): T }).traced(client) : client
  const called = (ask: (callback: (error: unknown, value: unknown) => void) => void) =>
    new Promise((resolve, reject) => ask((error, value) => (error ? reject(error as Error) : resolve(value))))
  switch (library) {
    case "ioredis": {
      const client = new (load("ioredis") as Any).Redis(at)
      return () => client.get("key")
    }
    case "redis": {
      const client = await (load("redis") as Any).createClient({ socket: at }).connect()
      return () => client.get("key")
    }
    case "mysql2": {
      const pool = (load("mysql2/promise") as Any).createPool(mysql)
      return () => pool.query("select 1 as a where 2 = ?", [3])
    }
    case "mysql": {
      const pool = await traced((load("mysql") as Any).createPool(mysql) as Any)
      return () => called((callback) => pool.query("select 1 as a where 2 = ?", [3], callback))
    }
    case "mariadb": {
      const pool = await traced((load("mariadb") as Any).createPool(mysql) as Any)
      return () => pool.query("select 1 as a where 2 = ?", [3])
    }
    case "pg": {
      const pool = await traced(new (load("pg") as Any).Pool({ ...at, user: "root", database: "postgres" }) as Any)
      return () => pool.query("select 1 as a where 2 = $1::int", [3])
    }
    case "postgres": {
      const sql = await traced((load("postgres") as Any)({ ...at, user: "root", database: "postgres" }))
      return () => sql`select 1 as a where 2 = ${3}::int`
    }
    case "memcached": {
      const client = await traced(new (load("memcached") as Any)(`127.0.0.1:${port}`) as Any)
      return () => called((callback) => client.get("key", callback))
    }
    case "nats": {
      const client = await (load("nats") as Any).connect({ servers: `127.0.0.1:${port}` })
      client.subscribe("echo", { callback: (_: unknown, message: Any) => message.respond(message.data) })
      await traced(client)
      return () => client.request("echo", "x")
    }
    case "kafkajs": {
      const { Kafka, Partitioners } = load("kafkajs") as Any
      const kafka = await traced(new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: 0 }))
      const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
      await producer.connect()
      return () => producer.send({ topic: "jobs", messages: [{ value: "x" }] })
    }
  }
}

/** Gives what runs a function under a span; all that was recorded is dropped after each. */
async function traceBy(way: Way): Promise<<T>(fn: () => Promise<T>) => Promise<T>> {
  if (way === "bare") return (fn) => fn()
  if (way === "antifreeze") {
    const { createTracer } = await import("../../src/platforms/node/node-tracer.ts")
    const { watchAll } = await import("../../src/platforms/node/integrations.ts")
    const tracer = createTracer({ exporter: { export: async () => ({ delivered: 0, dropped: 0, kept: 0 }) } })
    watchAll()
    return async (fn) => {
      const value = await tracer.startActiveSpan("root", fn)
      await tracer.flush()
      return value
    }
  }
  const { NodeTracerProvider, SimpleSpanProcessor } = load("@opentelemetry/sdk-trace-node") as Any
  const { registerInstrumentations } = load("@opentelemetry/instrumentation") as Any
  const processor = new SimpleSpanProcessor({
    export: (_: unknown, done: (result: object) => void) => done({ code: 0 }),
    shutdown: async () => {},
  })
  const provider = new NodeTracerProvider({ spanProcessors: [processor] })
  provider.register()
  registerInstrumentations({
    instrumentations: [
      new (load("@opentelemetry/instrumentation-ioredis") as Any).IORedisInstrumentation(),
      new (load("@opentelemetry/instrumentation-mysql2") as Any).MySQL2Instrumentation(),
      new (load("@opentelemetry/instrumentation-pg") as Any).PgInstrumentation(),
    ],
  })
  const tracer = provider.getTracer("bench")
  return (fn) =>
    tracer.startActiveSpan("root", async (span: { end(): void }) => {
      const value = await fn()
      span.end()
      return value
    })
}

function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN
}
