import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Integration, SpanRecord } from "../../src/core/contracts.ts"
import { type MysqlQuery, mysql2Integration } from "../../src/integrations/mysql2.ts"
import { traced } from "../../src/mysql2.ts"
import { older } from "./_older.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load, olderClient } from "./_stores.ts"
import { behavesAsIntegration, SECRET, settling } from "./_suite.ts"
import { startStore } from "./stores.mjs"

type Answer = Promise<[unknown, unknown]>
interface Queries {
  query(sql: string | object, values?: unknown[]): Answer
  execute(sql: string | object, values?: unknown[]): Answer
}
interface Connection extends Queries {
  beginTransaction(): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>
  release(): void
  connection: Callbacks
}
interface Pool extends Queries {
  getConnection(): Promise<Connection>
  end(): Promise<void>
  pool: Callbacks
}
interface Emitter {
  on(event: string, listener: (value: unknown) => void): Emitter
  stream(): AsyncIterable<unknown>
}
interface Callbacks {
  query(sql: string, values: unknown[], callback: (error: unknown, rows: unknown) => void): Emitter
  query(sql: string): Emitter
}
interface Library {
  createPool(options: object): Pool
}

let port: number
const options = (more: object = {}) => ({ host: "127.0.0.1", port, user: "root", database: "shop", connectionLimit: 3, ...more })

async function start(): Promise<() => Promise<void>> {
  const store = await startStore("mariadb")
  port = store.port
  const first = load<Library>("mysql2/promise").createPool(options({ database: "mysql" }))
  await first.query("create database shop")
  await first.query("create table shop.carts (id int primary key, name varchar(100) unique)")
  await first.end()
  return store.stop
}

function behavesAsMysql2(integration: Integration<MysqlQuery>, connect: (more?: object) => Pool): void {
  behavesAsIntegration<Pool>({
    integration,
    start,
    connect: () => Promise.resolve(connect()),
    close: (pool) => pool.end(),
    call: (pool) => pool.query(`select id, '${SECRET}' from carts where name = ? and id in (1, 2, 3)`, [SECRET]).then(([rows]) => rows),
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
    fail: (pool) => pool.query(`select * from carts where '${SECRET}`),
    failure: { "db.response.status_code": "1064", "error.kind": "ER_PARSE_ERROR" },

    async transcript(pool, write) {
      const rows = (answer: Answer) => answer.then(([first]) => JSON.parse(JSON.stringify(first)))
      const settle = settling(write)
      for (let at = 0; at < 8; at++)
        await settle(`insert ${at}`, rows(pool.query("insert into carts values (?, ?)", [at, `${SECRET}${at}`])))
      const concurrent = Array.from({ length: 8 }, (_, at) => rows(pool.query("select * from carts where id = ?", [at])))
      for (const [at, found] of (await Promise.all(concurrent)).entries()) write(`select ${at}`, found)
      for (let at = 0; at < 4; at++) await settle(`execute ${at}`, rows(pool.execute("select name from carts where id = ?", [at])))
      await settle("duplicate", rows(pool.query("insert into carts values (1, ?)", [`${SECRET}1`])))
      await settle("duplicate, prepared", rows(pool.execute("insert into carts values (100, ?)", [`${SECRET}1`])))
      await settle("no table", rows(pool.query("select * from nowhere")))
      await settle("no table, prepared", rows(pool.execute("select * from nowhere")))
      await settle(
        "a batch",
        rows(
          pool.query("insert into carts values ?", [
            [
              [20, "a"],
              [21, "b"],
            ],
          ]),
        ),
      )
      await settle("a timeout", rows(pool.query({ sql: "select sleep(0.3)", timeout: 30 })))
      const connection = await pool.getConnection()
      await connection.beginTransaction()
      await settle("in a transaction", rows(connection.query("update carts set name = 'x' where id = 1")))
      await connection.rollback()
      await settle("rolled back", rows(connection.query("select name from carts where id = 1")))
      await new Promise<void>((resolve) =>
        connection.connection.query("select ? as a", [SECRET], (error, found) => {
          write("callback", error, JSON.stringify(found))
          resolve()
        }),
      )
      await new Promise<void>((resolve) => {
        connection.connection
          .query("select id from carts order by id limit 2")
          .on("result", (row) => write("row", JSON.stringify(row)))
          .on("end", () => {
            write("end")
            resolve()
          })
      })
      await new Promise<void>((resolve) => {
        connection.connection
          .query("select nothing")
          .on("error", (error) => write("emitted", error))
          .on("end", () => {
            write("end")
            resolve()
          })
      })
      const stream = connection.connection.query("select id from carts order by id limit 2").stream()
      const streamed = async () => {
        for await (const row of stream) write("streamed", JSON.stringify(row))
      }
      await settle("the stream", streamed())
      connection.release()
      await settle("refused", rows(connect({ port: 1 }).query("select 1")))
    },
    reset: (pool) => pool.query("truncate carts"),
  })

  describe("mysql2", () => {
    let stop: () => Promise<void>
    let recording: Recording
    beforeAll(async () => {
      stop = await start()
      recording = new Recording().watch(integration)
    })
    afterAll(async () => {
      recording.unwatch()
      await stop()
    })

    it("keeps the parent of a query that has waited for a connection of the pool", async () => {
      const pool = connect({ connectionLimit: 1 })
      const found = await Promise.all(Array.from({ length: 10 }, () => recording.children(() => pool.query("select sleep(0.005)"))))
      for (const { spans, parent } of found) expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
      await pool.end()
    })

    it("ends when the rows are there, before the caller's callback", async () => {
      const pool = connect()
      const connection = await pool.getConnection()
      recording.tracer.loose.take()
      const { value } = await recording.children(
        () =>
          new Promise<SpanRecord[]>((resolve) => {
            connection.connection.query("select 1", [], () => {
              resolve(recording.tracer.loose.take())
            })
          }),
        0,
      )
      expect(value?.map(({ operationName }) => operationName)).toEqual(["select"])
      connection.release()
      await pool.end()
    })

    it("ends each step of a transaction and a prepared statement, and with its error what is killed or takes too long", async () => {
      const pool = connect()
      const { spans } = await recording.children(async () => {
        const connection = await pool.getConnection()
        await connection.beginTransaction()
        await connection.execute("insert into carts values (?, ?), (?, ?)", [40, SECRET, 41, "b"])
        await connection.rollback()
        const [[{ id }]] = (await connection.query("select connection_id() as id")) as unknown as [[{ id: number }]]
        setTimeout(() => void pool.query(`kill query ${id}`), 30)
        // MariaDB answers a sleep that is killed as if it had ended.
        await connection.query("select sum(a.seq * b.seq) from seq_1_to_100000 a, seq_1_to_100000 b").catch(() => {})
        connection.release()
        await pool.query({ sql: "select sleep(0.3)", timeout: 30 }).catch(() => {})
      }, 7)
      expect(spans.map(({ operationName }) => operationName)).toEqual(expect.arrayContaining(["START", "insert carts", "ROLLBACK", "kill"]))
      const failed = spans.filter((span) => tagsOf(span)["error"]).map((span) => tagsOf(span)["error.kind"])
      expect(failed).toEqual(["ER_QUERY_INTERRUPTED", "PROTOCOL_SEQUENCE_TIMEOUT"])
      await pool.end()
    })

    it("tells a failed connection of the pool", async () => {
      const pool = connect({ port: 1 })
      const { spans } = await recording.children(() => pool.query("select 1"))
      expect(spans).toHaveLength(1)
      expect(tagsOf(spans[0])).toMatchObject({ error: true, "error.kind": "ECONNREFUSED", "db.namespace": "shop", "server.port": 1 })
    })

    it("never tells what the server quotes", async () => {
      const pool = connect()
      await pool.query("insert into carts values (1, ?)", [`O'${SECRET}`])
      const { spans } = await recording.children(() => pool.query("insert into carts values (2, ?)", [`O'${SECRET}`]))
      expect(tagsOf(spans[0])).toMatchObject({
        error: true,
        "error.kind": "ER_DUP_ENTRY",
        "error.message": "Duplicate entry ?",
        "db.response.status_code": "1062",
      })
      expect(JSON.stringify([...(spans[0]?.logs[0]?.fields ?? [])])).not.toContain(SECRET)
      await pool.end()
    })
  })
}

behavesAsMysql2(mysql2Integration, (more) => load<Library>("mysql2/promise").createPool(options(more)))

describe.each(["mysql2", "mysql2-2"])("%s before 3.20, which publishes nothing by itself", (name) => {
  const connect = (more?: object) => traced(olderClient<Library>(`${name}/promise`).createPool(options(more)))
  behavesAsMysql2(older(mysql2Integration, "mysql2"), connect)
})
