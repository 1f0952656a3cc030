import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { client as load } from "../../integrations/_stores.ts"
import { startStore } from "../../integrations/stores.mjs"
import { bundle, startWorker, type Worker, type WorkerOptions } from "./_worker.ts"

let store: Awaited<ReturnType<typeof startStore>>
let worker: Worker
beforeAll(async () => {
  store = await startStore("postgres")
})
afterEach(() => worker?.dispose())
afterAll(() => store?.stop())

/** Each path is a way to use pg. `TRACED` is what was handed to `traced`. */
const SOURCE = `
  import pg from "pg"
  import { withTracing } from "antifreeze"
  import { traced } from "antifreeze/pg"
  const ways = {
    async client(client) {
      const { rows } = await client.query("select $1::int + 1 as sum, 'hush-hush' as word", [41])
      return rows
    },
    async transaction(client) {
      await client.query("begin")
      await client.query("create temporary table carts (id int)")
      const { rowCount } = await client.query({ name: "add", text: "insert into carts values ($1), ($2)", values: [1, 2] })
      await client.query("rollback")
      return rowCount
    },
    callback: (client) => new Promise((resolve) => client.query("select 1 as one", (error, { rows }) => resolve(rows))),
    async failing(client) {
      try {
        await client.query("select 'hush-hush'::int")
      } catch (error) {
        return [error.name, error.code, error.message]
      }
    },
    sleep: async (client) => (await client.query("select pg_sleep(0.02)")).rowCount,
  }
  export default withTracing({ async fetch(request, env) {
    const way = new URL(request.url).pathname.slice(1)
    const options = { connectionString: env.HYPERDRIVE.connectionString }
    if (way === "pool") {
      const pool = new pg.Pool({ ...options, max: 1 })
      const answers = await Promise.all([1, 2, 3].map((each) => pool.query("select $1::int as each", [each])))
      await pool.end()
      return Response.json(answers.map(({ rows }) => rows))
    }
    const client = TRACED
    await client.connect()
    const answer = await ways[way](client)
    await client.end()
    return Response.json(answer)
  } })`
const handing = {
  "the module": `traced(pg)\n${SOURCE.replace("TRACED", "new pg.Client(options)")}`,
  "each client": SOURCE.replace("TRACED", "traced(new pg.Client(options))"),
}

async function start(source: string, more: Partial<WorkerOptions> = {}): Promise<Worker> {
  const hyperdrives = { HYPERDRIVE: `postgres://root:unused@127.0.0.1:${store.port}/postgres` }
  worker = await startWorker({ source, ...more, miniflare: { hyperdrives, ...more.miniflare } })
  return worker
}

const queries = (spans: Awaited<ReturnType<Worker["spans"]>>) => spans.filter(({ kind }) => kind === "client")

// The binding's own pool is Cloudflare's: its local stand-in only passes the bytes on.
describe("pg over a Hyperdrive binding in workerd, with the real PostgreSQL", () => {
  test.each([
    ["the module", "the sources", {}],
    ["each client", "the sources", {}],
    ["the module", "the package", { built: true }],
  ] as const)("queries are children of the request: %s is traced, by %s", async (what, _, how) => {
    await start(handing[what], how)
    expect(await worker.get("/client")).toBe('[{"sum":42,"word":"hush-hush"}]')
    const spans = await worker.spans(2)
    const root = spans.find(({ kind }) => kind === "server")
    const [query, ...others] = queries(spans)
    expect(others).toEqual([])
    expect(query).toMatchObject({ name: "select", traceId: root?.traceId, parentSpanId: root?.spanId, status: { code: "unset" } })
    expect(query?.attributes).toMatchObject({
      "db.system.name": "postgresql",
      "db.query.text": "select $1::int + ? as sum, ? as word",
      "db.operation.name": "select",
      "db.namespace": "postgres",
      "server.address": expect.stringMatching(/\.hyperdrive\.local$/),
    })
    expect(worker.collector.batches).toHaveLength(1)
  })

  test("each step of a transaction, a query with a callback, each of a pool, and a failure without the value that the server quotes", async () => {
    await start(handing["the module"])
    const found: Record<string, unknown> = {}
    for (const [way, count] of [
      ["transaction", 4],
      ["callback", 1],
      ["pool", 3],
      ["failing", 1],
    ] as const) {
      worker.collector.clear()
      await worker.get(`/${way}`)
      const spans = await worker.spans(count + 1)
      const root = spans.find(({ kind }) => kind === "server")
      for (const span of queries(spans)) expect(span.parentSpanId).toBe(root?.spanId)
      expect(JSON.stringify(spans)).not.toContain("hush-hush")
      found[way] = queries(spans).map(({ name, status, attributes }) =>
        status.code === "error" ? [name, attributes["db.response.status_code"], status.message] : name,
      )
    }
    expect(found).toEqual({
      transaction: ["begin", "create table carts", "insert carts", "rollback"],
      callback: ["select"],
      pool: ["select", "select", "select"],
      failing: [["select", "22P02", "invalid input syntax for type integer: ?"]],
    })
  })

  test("answers are those of the untraced twin", async () => {
    const answers: string[][] = []
    for (const bare of [false, true]) {
      if (bare) await worker.dispose()
      await start(bare ? SOURCE.replace("TRACED", "new pg.Client(options)") : handing["the module"], { bare })
      answers.push(await Promise.all(["client", "transaction", "callback", "failing", "pool"].map((way) => worker.get(`/${way}`))))
    }
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]).toContain('["error","22P02","invalid input syntax for type integer: \\"hush-hush\\""]')
  })

  test("requests at the same time keep their queries apart", async () => {
    await start(handing["each client"])
    await Promise.all(Array.from({ length: 20 }, () => worker.get("/sleep")))
    const spans = await worker.spans(40)
    const roots = spans.filter(({ kind }) => kind === "server")
    expect(
      queries(spans)
        .map(({ parentSpanId }) => parentSpanId)
        .toSorted(),
    ).toEqual(roots.map(({ spanId }) => spanId).toSorted())
  })

  test("a runtime without WeakRef is told of, and the client works", async () => {
    let printed = ""
    await start(handing["each client"], { flags: ["nodejs_compat", "disable_weak_ref"], onPrint: (text) => (printed += text) })
    expect(await worker.get("/client")).toBe('[{"sum":42,"word":"hush-hush"}]')
    await worker.get("/client")
    expect(queries(await worker.spans(2))).toEqual([])
    expect(printed).toBe("[antifreeze] calls of pg are not traced: ReferenceError: WeakRef is not defined.\n")
  })
})

describe("postgres.js over a Hyperdrive binding in workerd, with the real PostgreSQL", () => {
  const source = `
    import postgres from "postgres"
    import { withTracing } from "antifreeze"
    import { traced } from "antifreeze/postgres"
    export default withTracing({ async fetch(request, env) {
      const sql = HAND(postgres(env.HYPERDRIVE.connectionString, { max: 2, fetch_types: false }))
      const lazy = sql\`select 'never asked for'\`
      const answers = await Promise.all([41, 42].map((n) => sql\`select \${n}::int + 1 as sum, 'hush-hush' as word\`))
      const failed = await sql\`select 'hush-hush'::int\`.catch(({ name, code }) => [name, code])
      const steps = await sql.begin((sql) => [sql\`create temporary table carts (id int)\`, sql\`insert into carts values (1)\`])
      await sql.end()
      return Response.json([answers, failed, steps.length])
    } })`

  test.each([
    ["the sources", {}],
    ["the package", { built: true }],
  ])("queries are children of the request, and the answer is that of the untraced twin: %s", async (_, how) => {
    await start(source.replace("HAND", "traced"), how)
    const answer = await worker.get("/")
    const spans = await worker.spans(8)
    const root = spans.find(({ kind }) => kind === "server")
    const found = queries(spans)
    expect(found.map(({ name, status, attributes }) => [name, status.code, attributes["db.response.status_code"]])).toEqual([
      ["select", "unset", undefined],
      ["select", "unset", undefined],
      ["select", "error", "22P02"],
      ["begin", "unset", undefined],
      ["create table carts", "unset", undefined],
      ["insert carts", "unset", undefined],
      ["commit", "unset", undefined],
    ])
    for (const span of found) expect(span.parentSpanId).toBe(root?.spanId)
    expect(JSON.stringify(spans)).not.toContain("hush-hush")
    await worker.dispose()
    await start(source.replace("HAND", ""), { bare: true })
    expect(answer).toBe(await worker.get("/"))
    expect(answer).toContain('"sum":43')
  })
})

interface Connection {
  query(sql: string): Promise<unknown>
  end(): Promise<void>
}
const mysql = load<{ createConnection(options: object): Promise<Connection> }>("mysql2/promise")

describe("mysql2 over a Hyperdrive binding in workerd, with the real MariaDB", () => {
  const source = `
    import { createConnection } from "mysql2/promise"
    import { withTracing } from "antifreeze"
    import { traced } from "antifreeze/mysql2"
    export default withTracing({ async fetch(request, env) {
      const { host, port, user, password, database } = env.HYPERDRIVE
      const connection = HAND(await createConnection({ host, port, user, password, database, disableEval: true }))
      const [rows] = await connection.query("select ? + 1 as sum, 'hush-hush' as word", [41])
      const [executed] = await connection.execute("select ? as executed", ["hush-hush"])
      const failed = await connection.query("select nothing from nowhere").catch(({ name, code }) => [name, code])
      await connection.end()
      return Response.json([rows, executed, failed])
    } })`
  let mariadb: Awaited<ReturnType<typeof startStore>>
  beforeAll(async () => {
    mariadb = await startStore("mariadb")
    // Hyperdrive takes no user without a password.
    const root = await mysql.createConnection({ host: "127.0.0.1", port: mariadb.port, user: "root" })
    await root.query("create user worker@localhost identified by 'secret'")
    await root.query("grant all on *.* to worker@localhost")
    await root.end()
  })
  afterAll(() => mariadb?.stop())
  const over = () => ({ miniflare: { hyperdrives: { HYPERDRIVE: `mysql://worker:secret@127.0.0.1:${mariadb.port}/mysql` } } })

  test.each([
    ["the sources", {}],
    ["the package", { built: true }],
  ])("queries are children of the request, and the answer is that of the untraced twin: %s", async (_, how) => {
    await start(source.replace("HAND", "traced"), { ...over(), ...how })
    const answer = await worker.get("/")
    const spans = await worker.spans(4)
    const root = spans.find(({ kind }) => kind === "server")
    const found = queries(spans)
    expect(found.map(({ name, attributes }) => [name, attributes["db.query.text"], attributes["error.type"]])).toEqual([
      ["select", "select ? + ? as sum, ? as word", undefined],
      ["select", "select ? as executed", undefined],
      ["select nowhere", "select nothing from nowhere", "ER_NO_SUCH_TABLE"],
    ])
    for (const span of found) expect(span.parentSpanId).toBe(root?.spanId)
    await worker.dispose()
    await start(source.replace("HAND", ""), { ...over(), bare: true })
    expect(answer).toBe(await worker.get("/"))
    expect(answer).toContain('"sum":42')
  })

  test("two copies of `traced` make one span for each query", async () => {
    const main = await bundle(source.replace("HAND", "globalThis.other(traced").replace("disableEval: true }))", "disableEval: true })))"))
    const other = await bundle(`import { traced } from "antifreeze/mysql2"; globalThis.other = traced`)
    const modules = { worker: `import "./other.mjs"; export { default } from "./main.mjs"`, main, other }
    const miniflare = {
      ...over().miniflare,
      modules: Object.entries(modules).map(([name, contents]) => ({ type: "ESModule", path: `${name}.mjs`, contents })),
    }
    await start("", { miniflare })
    await worker.get("/")
    expect(queries(await worker.spans(4)).map(({ name }) => name)).toEqual(["select", "select", "select nowhere"])
  })
})
