import { describe } from "vitest"
import type { Integration } from "../../src/core/contracts.ts"
import { type MysqlQuery, mysql2Integration } from "../../src/integrations/mysql2.ts"
import { traced } from "../../src/mysql2.ts"
import { behavesAsMysql } from "./_mysql.ts"
import { older } from "./_older.ts"
import { client as load, olderClient } from "./_stores.ts"
import { SECRET, settling } from "./_suite.ts"

type Answer = Promise<[unknown, unknown]>
interface Connection {
  query(sql: string | object, values?: readonly unknown[]): Answer
  execute(sql: string | object, values?: readonly unknown[]): Answer
  beginTransaction(): Promise<void>
  rollback(): Promise<void>
  release(): void
  connection: Callbacks
}
interface Pool extends Connection {
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
  query(sql: string, callback?: () => void): Emitter
  end(callback: () => void): void
}
interface Library {
  createPool(options: object): Pool
}

function behavesAsMysql2(integration: Integration<MysqlQuery>, connect: (options: object) => Pool): void {
  behavesAsMysql<Pool, Connection>({
    integration,
    system: "mysql",
    connect,
    connectCallbacks: (options) => connect(options).pool,
    close: (pool) => pool.end(),
    query: (of, ...query) => of.query(...query).then(([rows]) => rows),
    execute: (of, ...query) => of.execute(...query).then(([rows]) => rows),
    batch: (of, rows) => of.query("insert into carts values ?", [rows]).then(([answer]) => answer),
    reserve: (pool) => pool.getConnection(),
    release: (connection) => connection.release(),
    step: (connection, step) => connection[step](),
    bindsCallbacks: false,
    timeoutKind: "PROTOCOL_SEQUENCE_TIMEOUT",
    refused: { tags: { "error.kind": "ECONNREFUSED" } },

    async more({ connection }, write) {
      await new Promise<void>((resolve) =>
        connection.query("select ? as a", [SECRET], (error, found) => {
          write("callback", error, JSON.stringify(found))
          resolve()
        }),
      )
      await new Promise<void>((resolve) => {
        connection
          .query("select id from carts order by id limit 2")
          .on("result", (row) => write("row", JSON.stringify(row)))
          .on("end", () => {
            write("end")
            resolve()
          })
      })
      await new Promise<void>((resolve) => {
        connection
          .query("select nothing")
          .on("error", (error) => write("emitted", error))
          .on("end", () => {
            write("end")
            resolve()
          })
      })
      const stream = connection.query("select id from carts order by id limit 2").stream()
      const streamed = async () => {
        for await (const row of stream) write("streamed", JSON.stringify(row))
      }
      await settling(write)("the stream", streamed())
    },
  })
}

behavesAsMysql2(mysql2Integration, (options) => load<Library>("mysql2/promise").createPool(options))

describe.each(["mysql2", "mysql2-2"])("%s before 3.20, which publishes nothing by itself", (name) => {
  behavesAsMysql2(older(mysql2Integration, "mysql2"), (options) => traced(olderClient<Library>(`${name}/promise`).createPool(options)))
})
