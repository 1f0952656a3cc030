import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { mysqlIntegration } from "../../src/integrations/mysql.ts"
import { traced } from "../../src/mysql.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET, settling } from "./_suite.ts"
import { startStore } from "./stores.mjs"

type Callback = (error: unknown, rows?: unknown) => void
interface Query {
  on(event: string, listener: (value: unknown) => void): Query
  stream(): Query
}
interface Connection {
  query(sql: string | object, ...more: unknown[]): Query
  beginTransaction(callback: Callback): void
  commit(callback: Callback): void
  rollback(callback: Callback): void
  release(): void
  destroy(): void
}
interface Pool extends Connection {
  getConnection(callback: (error: unknown, connection: Connection) => void): void
  end(callback: Callback): void
}
interface Cluster {
  add(id: string, options: object): void
  of(pattern: string): Pool
  end(callback: Callback): void
}
const mysql = load<{ createPool(options: object): Pool; createConnection(options: object): Connection; createPoolCluster(): Cluster }>(
  "mysql",
)

let port: number
const options = (more: object = {}) => ({ host: "127.0.0.1", port, user: "root", database: "shop", connectionLimit: 3, ...more })
const connect = (more: object = {}) => traced(mysql.createPool(options(more)))

/** A method with a callback, as a promise. */
function ask(of: object, name: string, ...args: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback: Callback = (error, value) => (error ? reject(error) : resolve(value))
    ;(of as Record<string, (...args: unknown[]) => void>)[name]?.(...args, callback)
  })
}
const rows = async (of: Connection, ...args: unknown[]) => JSON.parse(JSON.stringify(await ask(of, "query", ...args)))

async function start(): Promise<() => Promise<void>> {
  const store = await startStore("mariadb")
  port = store.port
  const first = mysql.createPool(options({ database: "mysql" }))
  await ask(first, "query", "create database shop")
  await ask(first, "query", "create table shop.carts (id int primary key, name varchar(100) unique)")
  await ask(first, "end")
  return store.stop
}

behavesAsIntegration<Pool>({
  integration: mysqlIntegration,
  start,
  connect: () => Promise.resolve(connect()),
  close: (pool) => ask(pool, "end"),
  call: (pool) => rows(pool, `select id, '${SECRET}' from carts where name = ? and id in (1, 2, 3)`, [SECRET]),
  span: {
    name: "select carts",
    tags: () => ({
      "span.kind": "client",
      "db.system.name": "mysql",
      "db.query.text": "select id, ? from carts where name = ? and id in (?)",
      "db.query.summary": "select carts",
      "db.operation.name": "select",
      "db.collection.name": "carts",
      "db.namespace": "shop",
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: (pool) => rows(pool, `select * from carts where '${SECRET}`),
  failure: { "db.response.status_code": "1064", "error.kind": "ER_PARSE_ERROR" },

  async transcript(pool, write) {
    const settle = settling(write)
    for (let at = 0; at < 8; at++) await settle(`insert ${at}`, rows(pool, "insert into carts values (?, ?)", [at, `${SECRET}${at}`]))
    const concurrent = Array.from({ length: 8 }, (_, at) => rows(pool, "select * from carts where id = ?", [at]))
    for (const [at, found] of (await Promise.all(concurrent)).entries()) write(`select ${at}`, found)
    await settle("duplicate", rows(pool, "insert into carts values (1, ?)", [`${SECRET}1`]))
    await settle("no table", rows(pool, "select * from nowhere"))
    await settle("an object", rows(pool, { sql: "select ? as a", values: [SECRET] }))
    await settle("an object and values", rows(pool, { sql: "select ? as a" }, [SECRET]))
    const batch = [
      [20, "a"],
      [21, "b"],
    ]
    await settle("a batch", rows(pool, "insert into carts values ?", [batch]))
    await settle("a timeout", rows(pool, { sql: "select sleep(0.3)", timeout: 30 }))
    const connection = (await ask(pool, "getConnection")) as Connection
    await settle("begin", ask(connection, "beginTransaction"))
    await settle("in a transaction", rows(connection, "update carts set name = 'x' where id = 1"))
    await settle("rollback", ask(connection, "rollback"))
    await settle("rolled back", rows(connection, "select name from carts where id = 1"))
    for (const sql of ["select id from carts order by id limit 2", "select nothing"]) {
      await new Promise<void>((resolve) => {
        const query = connection.query(sql)
        for (const event of ["error", "fields", "result"])
          query.on(event, (value) => write(event, value instanceof Error ? value : JSON.stringify(value)))
        query.on("end", () => {
          write("end")
          resolve()
        })
      })
    }
    await new Promise((resolve) =>
      connection
        .query("select id from carts order by id limit 2")
        .stream()
        .on("data", (row) => write("streamed", JSON.stringify(row)))
        .on("end", resolve),
    )
    await new Promise<void>((resolve) => {
      connection.query("select 1", function (this: { sql?: string }) {
        write("this", this.sql)
        resolve()
      })
    })
    write("a callback that is none", await ask(connection, "query", "select 1", [], 5).catch((error) => error))
    connection.release()
    const lost = mysql.createConnection(options())
    setTimeout(() => lost.destroy(), 30)
    lost.query("select sleep(5)", () => write("never"))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await settle("after that", rows(lost, "select 1"))
    await settle("refused", rows(connect({ port: 1 }), "select 1"))
  },
  reset: (pool) => rows(pool, "truncate carts"),
})

describe("mysql", () => {
  let stop: () => Promise<void>
  let recording: Recording
  beforeAll(async () => {
    stop = await start()
    recording = new Recording().watch(mysqlIntegration)
  })
  afterAll(async () => {
    recording.unwatch()
    await stop()
  })

  it("keeps the parent of a query that has waited for a connection, and of its callback", async () => {
    const pool = connect({ connectionLimit: 1 })
    const found = await Promise.all(
      Array.from({ length: 10 }, () =>
        recording.children(
          (parent) => new Promise((resolve) => pool.query("select sleep(0.005)", () => resolve(recording.tracer.activeSpan === parent))),
        ),
      ),
    )
    for (const { spans, parent, value } of found) {
      expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
      expect(value).toBe(true)
    }
    const waited = await Promise.all(
      Array.from({ length: 5 }, () =>
        recording.children(async () => {
          const connection = (await ask(pool, "getConnection")) as Connection
          await rows(connection, "select sleep(0.005)")
          connection.release()
        }),
      ),
    )
    for (const { spans, parent } of waited) expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
    await ask(pool, "end")
  })

  it("makes one span of a query of a cluster, and one that failed where no connection could be made", async () => {
    const cluster = mysql.createPoolCluster()
    cluster.add("one", options())
    const { spans } = await recording.children(() => rows(traced(cluster.of("*")), "select 1"))
    expect(spans.map(({ operationName }) => operationName)).toEqual(["select"])
    await ask(cluster, "end")
    const refused = await recording.children(() => rows(connect({ port: 1 }), "select 2"))
    expect(refused.spans).toHaveLength(1)
    expect(tagsOf(refused.spans[0])).toMatchObject({ error: true, "error.kind": "ECONNREFUSED", "server.port": 1 })
  })

  it("follows a stream to its end, and leaves an error that nobody handles to the connection", async () => {
    const connection = traced(mysql.createConnection(options()))
    const { spans } = await recording.children(
      () =>
        new Promise((resolve) =>
          connection
            .query("select sleep(0.003) from seq_1_to_3")
            .stream()
            .on("end", resolve)
            .on("data", () => {}),
        ),
    )
    expect(spans[0]?.durationUs).toBeGreaterThan(9000)
    const { spans: failed } = await recording.children(async () => {
      const unhandled = new Promise((resolve) => (connection as unknown as Query).on("error", resolve))
      connection.query("select nothing")
      expect(await unhandled).toMatchObject({ code: "ER_BAD_FIELD_ERROR" })
    })
    expect(tagsOf(failed[0])).toMatchObject({ error: true, "db.response.status_code": "1054" })
    connection.destroy()
  })
})
