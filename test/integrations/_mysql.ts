import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Integration, SpanRecord } from "../../src/core/contracts.ts"
import type { MysqlCall } from "../../src/integrations/_mysql.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { behavesAsIntegration, SECRET, settling } from "./_suite.ts"
import { startStore } from "./stores.mjs"

type Write = (what: string, ...values: unknown[]) => void

/** A pool whose methods call back. */
interface Callbacks {
  query(sql: string, callback: () => void): unknown
  end(callback: () => void): unknown
}

/** What a client's own tests are given: the server that all share, and what is recorded. */
export interface MysqlTest {
  readonly recording: Recording
  options(more?: object): object & { readonly port: number }
}

/** One client of MySQL and MariaDB, one version of it: how it does what all do. */
export interface MysqlSubject<Pool extends Connection, Connection> {
  readonly integration: Integration<MysqlCall>
  readonly system: "mysql" | "mariadb"
  connect(options: object): Pool
  connectCallbacks(options: object): Callbacks
  close(pool: Pool): Promise<unknown>
  /** Gives the rows. */
  query(of: Connection, sql: string | object, values?: readonly unknown[]): Promise<unknown>
  /** The same as a prepared statement, where the client has any. */
  execute(of: Connection, sql: string, values?: readonly unknown[]): Promise<unknown>
  /** Many rows with one call. */
  batch(of: Connection, rows: readonly (readonly unknown[])[]): Promise<unknown>
  reserve(pool: Pool): Promise<Connection>
  release(connection: Connection): unknown
  step(connection: Connection, step: "beginTransaction" | "rollback"): Promise<unknown>
  readonly timeoutKind: string
  /** Where nobody listens: what else makes the pool give up soon, and the span's tags. */
  readonly refused: { readonly options?: object; readonly tags: Record<string, unknown> }
  /** Whether a callback runs in the scope of whoever gave it. A channel tells of no callback. */
  readonly bindsCallbacks: boolean
  /** Connections of the pool whose errors are compared (default: 3). */
  readonly connections?: number
  /** What of an error is the same each time (default: all). */
  comparable?(error: Error): unknown
  /** What only this client has, on a connection. */
  more(connection: Connection, write: Write, test: Pick<MysqlTest, "options">): Promise<void>
  /** Tests of what only this client has. */
  its?(test: MysqlTest): void
}

export function behavesAsMysql<Pool extends Connection, Connection>(subject: MysqlSubject<Pool, Connection>): void {
  const { integration, system, refused } = subject
  let port: number
  const options = (more: object = {}) => ({ host: "127.0.0.1", port, user: "root", database: "shop", connectionLimit: 3, ...more })
  const connect = (more?: object) => subject.connect(options(more))
  const rows = async (of: Connection, ...query: [string | object, unknown[]?]) => plain(await subject.query(of, ...query))

  async function start(): Promise<() => Promise<void>> {
    const store = await startStore("mariadb")
    port = store.port
    const first = connect({ database: "mysql" })
    await subject.query(first, "create database shop")
    await subject.query(first, "create table shop.carts (id int primary key, name varchar(100) unique)")
    await subject.close(first)
    return store.stop
  }

  behavesAsIntegration<Pool>({
    integration,
    start,
    connect: () => Promise.resolve(connect({ connectionLimit: subject.connections ?? 3 })),
    close: (pool) => subject.close(pool),
    call: (pool) => rows(pool, `select id, '${SECRET}' from carts where name = ? and id in (1, 2, 3)`, [SECRET]),
    span: {
      name: "select carts",
      tags: () => ({
        "span.kind": "client",
        "db.system.name": system,
        "db.query.text": "select id, ? from carts where name = ? and id in (?)",
        "db.query.summary": "select carts",
        "db.operation.name": "select",
        "db.collection.name": "carts",
        "db.namespace": "shop",
        "server.address": "127.0.0.1",
        "server.port": port,
      }),
    },
    // A line that looks like one of a stack: mariadb puts the statement in its message.
    fail: (pool) => rows(pool, `select *\n    at carts where '${SECRET}`),
    failure: { "db.response.status_code": "1064", "error.kind": "ER_PARSE_ERROR" },

    async transcript(pool, all) {
      const { comparable = (error: Error) => error } = subject
      const write: Write = (what, ...values) => all(what, ...values.map((value) => (value instanceof Error ? comparable(value) : value)))
      const settle = settling(write)
      for (let at = 0; at < 8; at++) await settle(`insert ${at}`, rows(pool, "insert into carts values (?, ?)", [at, `${SECRET}${at}`]))
      const concurrent = Array.from({ length: 8 }, (_, at) => rows(pool, "select * from carts where id = ?", [at]))
      for (const [at, found] of (await Promise.all(concurrent)).entries()) write(`select ${at}`, found)
      for (let at = 0; at < 4; at++)
        await settle(`execute ${at}`, subject.execute(pool, "select name from carts where id = ?", [at]).then(plain))
      await settle("duplicate", rows(pool, "insert into carts values (1, ?)", [`${SECRET}1`]))
      await settle("duplicate, prepared", subject.execute(pool, "insert into carts values (100, ?)", [`${SECRET}1`]))
      await settle("no table", rows(pool, "select * from nowhere"))
      await settle("no table, prepared", subject.execute(pool, "select * from nowhere"))
      await settle("an object and values", rows(pool, { sql: "select ? as a" }, [SECRET]))
      const batch = [
        [20, "a"],
        [21, SECRET],
      ]
      await settle("a batch", subject.batch(pool, batch).then(plain))
      await settle("a timeout", rows(pool, { sql: "select sleep(0.3)", timeout: 30 }))
      const connection = await subject.reserve(pool)
      await settle("begin", subject.step(connection, "beginTransaction").then(plain))
      await settle("in a transaction", rows(connection, "update carts set name = 'x' where id = 1"))
      await settle("rollback", subject.step(connection, "rollback").then(plain))
      await settle("rolled back", rows(connection, "select name from carts where id = 1"))
      await subject.more(connection, write, { options })
      await subject.release(connection)
      const nowhere = connect({ port: 1, ...refused.options })
      await settle("refused", rows(nowhere, "select 1"))
      await subject.close(nowhere)
    },
    reset: (pool) => rows(pool, "truncate carts"),
  })

  describe("as every MySQL client", () => {
    const recording = new Recording()
    let stop: () => Promise<void>
    beforeAll(async () => {
      stop = await start()
      recording.watch(integration)
    })
    afterAll(async () => {
      recording.unwatch()
      await stop()
    })

    it("keeps the parent of whoever has waited for a connection, by promise and by callback", async () => {
      const pool = connect({ connectionLimit: 1 })
      const callbacks = subject.connectCallbacks(options({ connectionLimit: 1 }))
      const ways = [
        () => rows(pool, "select sleep(0.005)").then(() => recording.tracer.activeSpan),
        () =>
          new Promise((resolve) => {
            const parent = recording.tracer.activeSpan
            callbacks.query("select sleep(0.005)", () => resolve(subject.bindsCallbacks ? recording.tracer.activeSpan : parent))
          }),
        async () => {
          const connection = await subject.reserve(pool)
          await rows(connection, "select sleep(0.005)")
          await subject.release(connection)
          return recording.tracer.activeSpan
        },
      ]
      const asked = Array.from({ length: 15 }, (_, at) => recording.children(ways[at % 3] as () => Promise<unknown>))
      for (const { spans, parent, value } of await Promise.all(asked)) {
        expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
        expect(value).toBe(parent)
      }
      await subject.close(pool)
      await new Promise<void>((resolve) => callbacks.end(resolve))
    })

    it("ends when the rows are there, before the caller's callback", async () => {
      const callbacks = subject.connectCallbacks(options())
      await new Promise<void>((resolve) => callbacks.query("select 1", resolve))
      recording.tracer.loose.take()
      const ask = () => new Promise<SpanRecord[]>((resolve) => callbacks.query("select 1", () => resolve(recording.tracer.loose.take())))
      const { value } = await recording.children(ask, 0)
      expect(value?.map(({ operationName }) => operationName)).toEqual(["select"])
      await new Promise<void>((resolve) => callbacks.end(resolve))
    })

    it("ends each step of a transaction, and with its error what is killed or takes too long", async () => {
      const pool = connect()
      const { spans } = await recording.children(async () => {
        const connection = await subject.reserve(pool)
        await subject.step(connection, "beginTransaction")
        await subject.execute(connection, "insert into carts values (?, ?), (?, ?)", [40, SECRET, 41, "b"])
        await subject.step(connection, "rollback")
        const [{ id }] = (await rows(connection, "select connection_id() as id")) as [{ id: number }]
        setTimeout(() => void subject.query(pool, `kill query ${id}`), 30)
        // MariaDB answers a sleep that is killed as if it had ended.
        await rows(connection, "select sum(a.seq * b.seq) from seq_1_to_100000 a, seq_1_to_100000 b").catch(() => {})
        await subject.release(connection)
        await rows(pool, { sql: "select sleep(0.3)", timeout: 30 }).catch(() => {})
      }, 7)
      expect(spans).toHaveLength(7)
      expect(spans.map(({ operationName }) => operationName)).toEqual(expect.arrayContaining(["START", "insert carts", "ROLLBACK", "kill"]))
      const failed = spans.filter((span) => tagsOf(span)["error"]).map((span) => tagsOf(span)["error.kind"])
      expect(failed).toEqual(["ER_QUERY_INTERRUPTED", subject.timeoutKind])
      await subject.close(pool)
    })

    it("tells of a query for which no connection could be made", async () => {
      const pool = connect({ port: 1, ...refused.options })
      const { spans } = await recording.children(() => rows(pool, "select 1"))
      expect(spans).toHaveLength(1)
      expect(tagsOf(spans[0])).toMatchObject({ error: true, "db.namespace": "shop", "server.port": 1, ...refused.tags })
      await subject.close(pool)
    })

    it("never tells what the server quotes", async () => {
      const pool = connect()
      await rows(pool, "insert into carts values (1, ?)", [`O'${SECRET}`])
      const { spans } = await recording.children(() => rows(pool, "insert into carts values (2, ?)", [`O'${SECRET}`]))
      expect(tagsOf(spans[0])).toMatchObject({
        error: true,
        "error.kind": "ER_DUP_ENTRY",
        "error.message": "Duplicate entry ?",
        "db.response.status_code": "1062",
      })
      expect(JSON.stringify([...(spans[0]?.logs[0]?.fields ?? [])])).not.toContain(SECRET)
      await subject.close(pool)
    })

    subject.its?.({ recording, options })
  })
}

/** Rows and answers as plain objects: each client has classes of its own. */
function plain(answer: unknown): unknown {
  return answer && JSON.parse(JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? Number(value) : value)))
}
