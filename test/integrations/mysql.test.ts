import { expect, it } from "vitest"
import { mysqlIntegration } from "../../src/integrations/mysql.ts"
import { traced } from "../../src/mysql.ts"
import { behavesAsMysql } from "./_mysql.ts"
import { tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { SECRET, settling } from "./_suite.ts"

type Callback = (error: unknown, rows?: unknown) => void
interface Query {
  on(event: string, listener: (value: unknown) => void): Query
  stream(): Query
}
interface Connection {
  query(sql: string | object, ...more: unknown[]): Query
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

/** A method with a callback, as a promise. */
function ask(of: object, name: string, ...args: unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback: Callback = (error, value) => (error ? reject(error) : resolve(value))
    ;(of as Record<string, (...args: unknown[]) => void>)[name]?.(...args, callback)
  })
}
const query = (of: Connection, ...args: unknown[]) => ask(of, "query", ...args)
const connect = (options: object) => traced(mysql.createPool(options))

behavesAsMysql<Pool, Connection>({
  integration: mysqlIntegration,
  system: "mysql",
  connect,
  connectCallbacks: connect,
  close: (pool) => ask(pool, "end"),
  query,
  execute: query,
  batch: (of, rows) => query(of, "insert into carts values ?", [rows]),
  reserve: (pool) => ask(pool, "getConnection") as Promise<Connection>,
  release: (connection) => connection.release(),
  step: (connection, step) => ask(connection, step),
  bindsCallbacks: true,
  timeoutKind: "PROTOCOL_SEQUENCE_TIMEOUT",
  refused: { tags: { "error.kind": "ECONNREFUSED" } },

  async more(connection, write, { options }) {
    const settle = settling(write)
    await settle("an object with its values", query(connection, { sql: "select ? as a", values: [SECRET] }))
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
    const lost = mysql.createConnection(options())
    setTimeout(() => lost.destroy(), 30)
    lost.query("select sleep(5)", () => write("never"))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await settle("after that", query(lost, "select 1"))
  },

  its({ recording, options }) {
    it("makes one span of a query of a cluster", async () => {
      const cluster = mysql.createPoolCluster()
      cluster.add("one", options())
      const { spans } = await recording.children(() => query(traced(cluster.of("*")), "select 1"))
      expect(spans.map(({ operationName }) => operationName)).toEqual(["select"])
      await ask(cluster, "end")
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
  },
})
