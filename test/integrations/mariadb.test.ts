import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { mariadbIntegration } from "../../src/integrations/mariadb.ts"
import { traced } from "../../src/mariadb.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET, settling } from "./_suite.ts"
import { startStore } from "./stores.mjs"

interface Statement {
  execute(values: unknown[]): Promise<unknown>
  executeStream(values: unknown[]): AsyncIterable<unknown>
  close(): void
}
interface Connection {
  query(sql: string | object, values?: unknown[]): Promise<unknown>
  execute(sql: string | object, values?: unknown[]): Promise<unknown>
  batch(sql: string | object, values?: unknown[]): Promise<unknown>
  queryStream(sql: string): AsyncIterable<unknown>
  prepare(sql: string): Promise<Statement>
  beginTransaction(): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>
  release(): Promise<void>
  destroy(): void
  end(): Promise<void>
}
interface Pool extends Connection {
  getConnection(): Promise<Connection>
}
interface Library {
  createPool(options: object | string): Pool
  createConnection(options: object): Promise<Connection>
  createPoolCluster(): { add(id: string, options: object): void; of(pattern: string): Pool; end(): Promise<void> }
}
type Callback = (error: unknown, rows?: unknown) => void
// biome-ignore lint/suspicious/noExplicitAny: every method of the callback API.
type Called = any

/** As the layer and the plugin hand it over: the CommonJS module, whose classes are out of reach. */
function handed<T>(name: string): T {
  const module = { exports: load<T>(name) }
  traced(module)
  return module.exports
}
const mariadb = load<Library>("mariadb")
const callbacks = load<{ createPool(options: object): Called; createConnection(options: object): Called }>("mariadb/callback")

let port: number
const options = (more: object = {}) => ({ host: "127.0.0.1", port, user: "root", database: "shop", connectionLimit: 3, ...more })
const connect = (more: object = {}) => traced(mariadb.createPool(options(more)))
const plain = async (answer: Promise<unknown>) =>
  JSON.parse(JSON.stringify(await answer, (_, value) => (typeof value === "bigint" ? Number(value) : value)))

async function start(): Promise<() => Promise<void>> {
  const store = await startStore("mariadb")
  port = store.port
  const first = await mariadb.createConnection(options({ database: "mysql" }))
  await first.query("create database shop")
  await first.query("create table shop.carts (id int primary key, name varchar(100) unique)")
  await first.end()
  return store.stop
}

behavesAsIntegration<Pool>({
  integration: mariadbIntegration,
  start,
  connect: () => Promise.resolve(handed<Library>("mariadb").createPool(options({ connectionLimit: 1 }))),
  close: (pool) => pool.end(),
  call: (pool) => plain(pool.query(`select id, '${SECRET}' from carts where name = ? and id in (1, 2, 3)`, [SECRET])),
  span: {
    name: "select carts",
    tags: () => ({
      "span.kind": "client",
      "db.system.name": "mariadb",
      "db.query.text": "select id, ? from carts where name = ? and id in (?)",
      "db.query.summary": "select carts",
      "db.operation.name": "select",
      "db.collection.name": "carts",
      "db.namespace": "shop",
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: (pool) => pool.query(`select *\n    at carts where '${SECRET}`),
  failure: { "db.response.status_code": "1064", "error.kind": "ER_PARSE_ERROR" },

  async transcript(pool, write) {
    const settle = settling((what, value) =>
      write(what, value instanceof Error ? [value.name, (value as { errno?: number }).errno] : value),
    )
    for (let at = 0; at < 8; at++)
      await settle(`insert ${at}`, plain(pool.query("insert into carts values (?, ?)", [at, `${SECRET}${at}`])))
    const concurrent = Array.from({ length: 8 }, (_, at) => plain(pool.query("select * from carts where id = ?", [at])))
    for (const [at, found] of (await Promise.all(concurrent)).entries()) write(`select ${at}`, found)
    for (let at = 0; at < 4; at++) await settle(`execute ${at}`, plain(pool.execute("select name from carts where id = ?", [at])))
    await settle("duplicate", pool.query("insert into carts values (1, ?)", [`${SECRET}1`]))
    await settle("no table, prepared", pool.execute("select * from nowhere"))
    await settle("no text", pool.query(undefined as never))
    await settle("an object", plain(pool.query({ sql: "select ? as a", rowsAsArray: true }, [SECRET])))
    const values = [
      [20, "a"],
      [21, SECRET],
    ]
    await settle("a batch", plain(pool.batch("insert into carts values (?, ?)", values)))
    await settle("a timeout", pool.query({ sql: "select sleep(0.3)", timeout: 30 }))
    const connection = await pool.getConnection()
    await settle("begin", connection.beginTransaction())
    await settle("in a transaction", plain(connection.query("update carts set name = 'x' where id = 1")))
    await settle("rollback", connection.rollback())
    await settle("rolled back", plain(connection.query("select name from carts where id = 1")))
    const statement = await connection.prepare("select name from carts where id = ?")
    await settle("a statement", plain(statement.execute([2])))
    for await (const row of statement.executeStream([3])) write("a statement's row", row)
    statement.close()
    await settle("closed", statement.execute([2]))
    for await (const row of connection.queryStream("select id from carts order by id limit 2")) write("row", row)
    await settle(
      "a stream that fails",
      (async () => {
        for await (const _ of connection.queryStream("select nothing"));
      })(),
    )
    await connection.release()
    const lost = await mariadb.createConnection(options())
    setTimeout(() => lost.destroy(), 20)
    await settle("lost", lost.query("select sleep(5)"))
    await settle("after that", lost.query("select 1"))
    const refused = connect({ port: 1, acquireTimeout: 200, connectTimeout: 100, initializationTimeout: 100 })
    await settle("refused", refused.query("select 1"))
    await refused.end()
  },
  reset: (pool) => pool.query("truncate carts"),
})

describe("mariadb", () => {
  let stop: () => Promise<void>
  let recording: Recording
  beforeAll(async () => {
    stop = await start()
    recording = new Recording().watch(mariadbIntegration)
  })
  afterAll(async () => {
    recording.unwatch()
    await stop()
  })

  it("keeps the parent of a query that has waited for a connection, by promise and by callback", async () => {
    const pool = connect({ connectionLimit: 1 })
    const called = traced(callbacks.createPool(options({ connectionLimit: 1 })))
    const ways = [
      () => pool.query("select sleep(0.005)").then(() => recording.tracer.activeSpan),
      () => new Promise((resolve) => called.query("select sleep(0.005)", () => resolve(recording.tracer.activeSpan))),
    ]
    const found = await Promise.all(Array.from({ length: 10 }, (_, at) => recording.children(ways[at % 2] as () => Promise<unknown>)))
    for (const { spans, parent, value } of found) {
      expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
      expect(value).toBe(parent)
    }
    await pool.end()
    await new Promise((resolve) => called.end(resolve))
  })

  it("makes a span of each execution, batch, stream and step of a transaction", async () => {
    const pool = handed<Library>("mariadb").createPool(`mariadb://root@127.0.0.1:${port}/shop?connectionLimit=2`)
    const { spans } = await recording.children(async () => {
      const connection = await pool.getConnection()
      await connection.beginTransaction()
      const statement = await connection.prepare("select ? as a from carts")
      await statement.execute([SECRET])
      for await (const _ of statement.executeStream([SECRET]));
      statement.close()
      await connection.batch("insert into carts values (?, ?)", [
        [31, SECRET],
        [32, "b"],
      ])
      for await (const _ of connection.queryStream("select * from carts")) await new Promise((resolve) => setTimeout(resolve, 5))
      await connection.commit()
      await connection.release()
    }, 6)
    expect(spans.map((span) => [span.operationName, tagsOf(span)["db.operation.batch.size"], tagsOf(span)["server.port"]])).toEqual(
      [
        ["START TRANSACTION", undefined, port],
        ["select carts", undefined, port],
        ["select carts", undefined, port],
        ["insert carts", 2, port],
        ["select carts", undefined, port],
        ["COMMIT", undefined, port],
      ].map(([name, ...more]) => [String(name).split(" ")[0] === "START" ? "START" : name, ...more]),
    )
    expect(spans[4]?.durationUs).toBeGreaterThan(4500)
    expect(spans.every((span) => tagsOf(span)["server.address"] === "127.0.0.1")).toBe(true)
    await pool.end()
  })

  it("traces the callback API: queries, transactions, statements and events", async () => {
    const connection = traced(callbacks.createConnection(options()))
    const ask = (name: string, ...args: unknown[]) =>
      new Promise<Called>((resolve, reject) =>
        connection[name](...args, ((error, value) => (error ? reject(error) : resolve(value))) as Callback),
      )
    const { spans, thrown } = await recording.children(async () => {
      await ask("beginTransaction")
      const statement = await ask("prepare", "select ? as a from carts")
      await new Promise((resolve) => statement.execute([SECRET], resolve))
      await new Promise((resolve) => connection.query("select * from carts").on("end", resolve))
      await ask("rollback")
      await ask("query", "select nothing")
    }, 5)
    expect(thrown).toMatchObject({ errno: 1054 })
    expect(spans.map(({ operationName }) => operationName)).toEqual(["START", "select carts", "select carts", "ROLLBACK", "select"])
    expect(tagsOf(spans[1])).toMatchObject({ "server.address": "127.0.0.1", "server.port": port, "db.namespace": "shop" })
    connection.destroy()
  })

  it("tells a failed connection, and what the server says without what it was sent", async () => {
    const pool = connect({ port: 1, acquireTimeout: 200, connectTimeout: 100, initializationTimeout: 100 })
    const refused = await recording.children(() => pool.query("select 1"))
    expect(tagsOf(refused.spans[0])).toMatchObject({ error: true, "db.query.text": "select ?" })
    await pool.end()
    const { spans } = await recording.children(async () =>
      (await connect().getConnection()).query(`select\n    at '${SECRET}' from nowhere`),
    )
    expect(JSON.stringify([...(spans[0]?.logs[0]?.fields ?? [])])).not.toContain(SECRET)
  })
})
