import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { SpanRecord } from "../../src/core/contracts.ts"
import { pgIntegration } from "../../src/integrations/pg.ts"
import { traced } from "../../src/pg.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { startStore } from "./stores.mjs"

interface Result {
  readonly rows: unknown[]
  readonly rowCount: number | null
  readonly command: string
}
type Callback = (error: unknown, result: Result) => void
interface Emitter {
  on(event: string, listener: (value: unknown) => void): Emitter
}
interface Client {
  connect(): Promise<void>
  query(query: string | object, values?: unknown[]): Promise<Result>
  query(query: string | object, values: unknown[] | Callback, callback?: Callback): void
  on(event: string, listener: (value: { payload?: string }) => void): void
  end(): Promise<void>
  release(isBroken?: boolean): void
  connection: { stream: { destroy(): void } }
}
interface Pool extends Omit<Client, "connect"> {
  connect(): Promise<Client>
}
interface Cursor {
  read(count: number): Promise<unknown[]>
  close(): Promise<void>
}
const pg = load<{
  Client: new (options: object) => Client
  Pool: new (options: object) => Pool
  Query: new (text: string, values?: unknown[]) => Emitter
}>("pg")
const CursorOf = load<new (text: string, values?: unknown[]) => Cursor>("pg-cursor")
const StreamOf = load<new (text: string, values?: unknown[], options?: object) => AsyncIterable<unknown>>("pg-query-stream")
const copy = load<{ from(text: string): NodeJS.WritableStream; to(text: string): AsyncIterable<Buffer> }>("pg-copy-streams")

let port: number
const options = (more: object = {}) => ({ host: "127.0.0.1", port, user: "root", database: "postgres", max: 3, ...more })
const connect = (more: object = {}) => traced(new pg.Pool(options(more)))

async function start(): Promise<() => Promise<void>> {
  const store = await startStore("postgres")
  port = store.port
  const first = new pg.Client(options())
  await first.connect()
  await first.query("create table carts (id int primary key, name text unique)")
  await first.end()
  return store.stop
}

behavesAsIntegration<Pool>({
  integration: pgIntegration,
  start,
  connect: () => Promise.resolve(connect()),
  close: (pool) => pool.end(),
  call: (pool) =>
    pool.query(`select id, '${SECRET}' from public.carts where name = $1 and id in (1, 2, 3)`, [SECRET]).then(({ rows }) => rows),
  span: {
    name: "select public.carts",
    tags: () => ({
      "span.kind": "client",
      "db.system.name": "postgresql",
      "db.query.text": "select id, ? from public.carts where name = $1 and id in (?)",
      "db.query.summary": "select public.carts",
      "db.operation.name": "select",
      "db.collection.name": "public.carts",
      "db.namespace": "postgres",
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: (pool) => pool.query(`select $1::int from carts where name = '${SECRET}'`, [SECRET]),
  failure: { "db.response.status_code": "22P02", "error.message": "invalid input syntax for type integer: ?" },

  async transcript(pool, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, value),
        (error) => write(`${what} failed`, error),
      )
    const rows = (answer: Promise<Result>) => answer.then(({ rows, rowCount, command }) => [rows, rowCount, command])
    for (let at = 0; at < 8; at++)
      await settle(`insert ${at}`, rows(pool.query("insert into carts values ($1, $2)", [at, `${SECRET}${at}`])))
    const concurrent = Array.from({ length: 8 }, (_, at) => rows(pool.query("select * from carts where id = $1", [at])))
    for (const [at, found] of (await Promise.all(concurrent)).entries()) write(`select ${at}`, found)
    await settle("duplicate", rows(pool.query("insert into carts values (1, $1)", [`${SECRET}1`])))
    await settle("no table", rows(pool.query("select * from nowhere")))
    await settle("no text", rows(pool.query({})))
    await settle("by name", rows(pool.query({ name: "by-id", text: "select name from carts where id = $1", values: [1] })))
    await settle("by name, again", rows(pool.query({ name: "by-id", text: "select name from carts where id = $1", values: [2] })))
    await settle("as arrays", rows(pool.query({ text: "select 1 as a", rowMode: "array" })))
    await settle(
      "several",
      pool.query("select 1 as a; select 2 as b").then((results) => (results as unknown as Result[]).map(({ rows }) => rows)),
    )
    await settle("raised", rows(pool.query(`do $$ begin raise exception '${SECRET}'; end $$`)))
    await new Promise<void>((resolve) => {
      pool.query("select 1 as a", (error, { rows }) => {
        write("callback of the pool", error, rows)
        resolve()
      })
    })

    const client = await pool.connect()
    await client.query("begin")
    await settle("in a transaction", rows(client.query("update carts set name = 'x' where id = 1 returning id")))
    await settle("broken", rows(client.query("select 1/0")))
    await settle("aborted", rows(client.query("select 1")))
    await client.query("rollback")
    await settle("cancelled", rows(client.query("set statement_timeout = 20; select pg_sleep(1)")))
    await client.query("set statement_timeout = 0")
    for (const config of ["select 2 as b", { text: "select 2 as b" }]) {
      await new Promise<void>((resolve) => {
        const given = client.query(config, (error, { rows }) => {
          write("callback", error, rows)
          resolve()
        })
        write("gives", given)
      })
    }
    await new Promise<void>((resolve) => {
      const callback = (error: unknown, { rows }: Result) => {
        write("own callback", error, rows)
        resolve()
      }
      void client.query({ text: "select 3 as c", callback })
    })
    const query = new pg.Query("select 4 as d")
    write("gives the query", (client.query(query) as unknown) === query)
    await new Promise<void>((resolve) => {
      query.on("row", (row) => write("row", row)).on("end", () => resolve())
    })
    const failing = new pg.Query("select nothing")
    void client.query(failing)
    write("emits", await new Promise((resolve) => failing.on("error", resolve)))
    const cursor = client.query(new CursorOf("select * from generate_series(1, 5) as n")) as unknown as Cursor
    write("cursor", await cursor.read(2), await cursor.read(2))
    await cursor.close()
    for await (const row of client.query(
      new StreamOf("select * from generate_series(1, 3) as n", [], { batchSize: 2 }),
    ) as unknown as AsyncIterable<unknown>) {
      write("streamed", row)
    }
    const into = client.query(copy.from("copy carts from stdin")) as unknown as NodeJS.WritableStream
    await new Promise((resolve) => into.on("finish", resolve).end(`50\t${SECRET}\n`))
    for await (const chunk of client.query(
      copy.to("copy (select id from carts where id = 50) to stdout"),
    ) as unknown as AsyncIterable<Buffer>) {
      write("copied", String(chunk))
    }
    const heard = new Promise<string | undefined>((resolve) => client.on("notification", ({ payload }) => resolve(payload)))
    await client.query("listen jobs")
    await pool.query("select pg_notify('jobs', $1)", [SECRET])
    write("heard", await heard)
    client.release()

    const lost = new pg.Client(options())
    lost.on("error", () => {})
    await lost.connect()
    const waiting = lost.query("select pg_sleep(5)")
    setTimeout(() => lost.connection.stream.destroy(), 20)
    await settle("lost", rows(waiting))
    await settle("after that", rows(lost.query("select 1")))
    const timed = new pg.Client(options({ query_timeout: 20 }))
    await timed.connect()
    await settle("timed out", rows(timed.query("select pg_sleep(0.1)")))
    await timed.end()
    const refused = new pg.Pool(options({ port: 1 }))
    await settle("refused", rows(refused.query("select 1")))
    await settle("nothing to ask", rows(pool.query(null as never)))
  },
  reset: (pool) => pool.query("truncate carts"),
})

describe("pg", () => {
  let stop: () => Promise<void>
  let recording: Recording
  beforeAll(async () => {
    stop = await start()
    recording = new Recording().watch(pgIntegration)
  })
  afterAll(async () => {
    recording.unwatch()
    await stop()
  })

  it("keeps the parent of a query that has waited for a connection of the pool, by promise and by callback", async () => {
    const pool = connect({ max: 1 })
    const ways = [
      () => pool.query("select pg_sleep(0.003)"),
      () => new Promise<void>((resolve) => pool.query("select pg_sleep(0.003)", () => resolve())),
    ]
    const found = await Promise.all(Array.from({ length: 10 }, (_, at) => recording.children(ways[at % 2] as () => Promise<unknown>)))
    for (const { spans, parent } of found) expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
    await pool.end()
  })

  it("calls back in the caller's context, after the span has ended", async () => {
    const client = traced(new pg.Client(options()))
    await client.connect()
    recording.tracer.loose.take()
    const { value } = await recording.children(
      (parent) =>
        new Promise<{ active: boolean; ended: SpanRecord[] }>((resolve) => {
          client.query("select 1", () => resolve({ active: recording.tracer.activeSpan === parent, ended: recording.tracer.loose.take() }))
        }),
      0,
    )
    expect(value?.active).toBe(true)
    expect(value?.ended).toHaveLength(1)
    await client.end()
  })

  it("follows a cursor, a stream and a copy to their end", async () => {
    const client = traced(new pg.Client(options()))
    await client.connect()
    const { spans } = await recording.children(async () => {
      const cursor = client.query(
        new CursorOf("select * from generate_series(1, 5) as n, carts where name = $1", [SECRET]),
      ) as unknown as Cursor
      await cursor.read(2)
      await cursor.close()
      for await (const _ of client.query(new StreamOf("select * from generate_series(1, 3) as n")) as unknown as AsyncIterable<unknown>);
      const into = client.query(copy.from("copy carts from stdin")) as unknown as NodeJS.WritableStream
      await new Promise((resolve) => into.on("finish", resolve).end(`51\t${SECRET}\n`))
    }, 3)
    expect(spans.map((span) => [span.operationName, tagsOf(span)["error"]])).toEqual([
      ["select carts", undefined],
      ["select", undefined],
      ["copy carts", undefined],
    ])
    await client.end()
  })

  it("ends each step of a transaction, a prepared statement and a LISTEN under the caller", async () => {
    const pool = connect()
    const { spans } = await recording.children(async () => {
      const client = await pool.connect()
      await client.query("begin")
      await client.query({ name: "by-id", text: "insert into carts values ($1, $2), ($3, $4)", values: [60, `${SECRET}60`, 61, "b"] })
      await client.query("savepoint one")
      await client.query("rollback")
      await client.query("listen jobs")
      await client.query("notify jobs, 'Tr0ub4dor&3'")
      client.release()
    }, 6)
    expect(spans.map(({ operationName }) => operationName)).toEqual([
      "begin",
      "insert carts",
      "savepoint",
      "rollback",
      "listen jobs",
      "notify jobs",
    ])
    expect(spans.map((span) => tagsOf(span)["db.query.text"])).toContain("notify jobs, ?")
    await pool.end()
  })

  it("ends with the error what is cancelled, takes too long, loses its connection or gets none", async () => {
    const pool = connect({ statement_timeout: 30 })
    const impatient = connect({ query_timeout: 30 })
    const holder = connect()
    const { spans } = await recording.children(async () => {
      const client = await holder.connect()
      client.on("error", () => {})
      const pid = (await client.query("select pg_backend_pid() as pid")).rows[0] as { pid: number }
      setTimeout(() => void pool.query("select pg_cancel_backend($1)", [pid.pid]), 20)
      const all = [
        client.query("select pg_sleep(5) as cancelled"),
        pool.query("select pg_sleep(5)"),
        impatient.query("select pg_sleep(0.1)"),
      ]
      await Promise.allSettled(all)
      const lost = client.query("select pg_sleep(5)")
      setTimeout(() => client.connection.stream.destroy(), 20)
      await Promise.allSettled([lost, connect({ port: 1 }).query("select 1"), connect({ port: 1 }).connect()])
      client.release(true)
    }, 8)
    const failed = spans.filter((span) => tagsOf(span)["error"])
    expect(failed.map((span) => tagsOf(span)["error.kind"]).toSorted()).toEqual(
      ["57014", "57014", "Error", "Error", "ECONNREFUSED", "ECONNREFUSED"].toSorted(),
    )
    for (const span of failed) expect(span.durationUs).toBeLessThan(2_000_000)
    for (const each of [impatient, holder]) await each.end()
    await pool.end()
  })

  it("patches once, and restores the very same methods", () => {
    const patched = pg.Client.prototype.query
    const other = new Recording().watch(pgIntegration)
    expect(pg.Client.prototype.query).toBe(patched)
    other.unwatch()
    recording.unwatch()
    const bare = pg.Client.prototype.query
    expect(bare).not.toBe(patched)
    expect([patched.name, patched.length]).toEqual([bare.name, bare.length])
    recording.watch(pgIntegration)
    expect(Object.getOwnPropertyDescriptor(pg.Client.prototype, "query")).toMatchObject({
      enumerable: false,
      writable: true,
      configurable: true,
    })
  })
})
