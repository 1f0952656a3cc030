import { afterAll, beforeAll, expect, it } from "vitest"
import { pgIntegration } from "../../src/integrations/pg.ts"
import { traced } from "../../src/pg.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET, settling } from "./_suite.ts"
import { startProxy } from "./_websocket-proxy.ts"
import { startStore } from "./stores.mjs"

// @neondatabase/serverless brings its own copy of pg, and talks to the real PostgreSQL by a web socket: pg's integration serves it.

interface Client {
  query(query: string | object, values?: unknown[]): Promise<{ rows: unknown[] }>
  query(query: string, callback: (error: unknown, result: { rows: unknown[] }) => void): void
  connect(): Promise<Client>
  release(): void
  end(): Promise<void>
}
const neon = load<{ Pool: new (options: object) => Client; Client: new (options: object) => Client; neonConfig: Record<string, unknown> }>(
  "@neondatabase/serverless",
)

let port: number
const options = (more: object = {}) => ({ host: "127.0.0.1", port, user: "root", database: "postgres", max: 3, ...more })
const rows = async (answer: Promise<{ rows: unknown[] }>) => (await answer).rows

async function start(): Promise<() => Promise<void>> {
  const [store, proxy] = await Promise.all([startStore("postgres"), startProxy()])
  port = store.port
  const wsProxy = (host: string, at: number) => `127.0.0.1:${proxy.port}/v2?address=${host}:${at}`
  Object.assign(neon.neonConfig, { wsProxy, useSecureWebSocket: false, pipelineConnect: false })
  const first = new neon.Client(options())
  await first.connect()
  await first.query("create table carts (id int primary key, name text unique)")
  await first.end()
  return async () => {
    proxy.stop()
    await store.stop()
  }
}

behavesAsIntegration<Client>({
  integration: pgIntegration,
  start,
  connect: () => Promise.resolve(traced(new neon.Pool(options()))),
  close: (pool) => pool.end(),
  call: (pool) => rows(pool.query(`select id, '${SECRET}' from carts where name = $1 and id in (1, 2, 3)`, [SECRET])),
  span: {
    name: "select carts",
    tags: () => ({
      "span.kind": "client",
      "db.system.name": "postgresql",
      "db.query.text": "select id, ? from carts where name = $1 and id in (?)",
      "db.query.summary": "select carts",
      "db.operation.name": "select",
      "db.collection.name": "carts",
      "db.namespace": "postgres",
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: (pool) => pool.query(`select $1::int from carts where name = '${SECRET}'`, [SECRET]),
  failure: { "db.response.status_code": "22P02", "error.message": "invalid input syntax for type integer: ?" },

  async transcript(pool, write) {
    const settle = settling(write)
    for (let at = 0; at < 10; at++)
      await settle(`insert ${at}`, rows(pool.query("insert into carts values ($1, $2) returning id", [at, `${SECRET}${at}`])))
    await Promise.all(Array.from({ length: 10 }, (_, at) => rows(pool.query("select * from carts where id = $1", [at])))).then((all) =>
      all.forEach((found, at) => void write(`select ${at}`, found)),
    )
    await settle("duplicate", pool.query("insert into carts values (1, $1)", [`${SECRET}1`]))
    await settle("by name", rows(pool.query({ name: "by-id", text: "select name from carts where id = $1", values: [1] })))
    await settle("as arrays", rows(pool.query({ text: "select 1 as a", rowMode: "array" })))
    await new Promise<void>((resolve) =>
      pool.query("select 1 as a", (error, result) => {
        write("callback", error, result.rows)
        resolve()
      }),
    )
    const client = await pool.connect()
    await client.query("begin")
    for (let at = 0; at < 4; at++) await settle("in a transaction", rows(client.query("select count(*)::int from carts")))
    await settle("broken", client.query("select 1/0"))
    await settle("aborted", client.query("select 1"))
    await client.query("rollback")
    client.release()
  },
  reset: (pool) => pool.query("truncate carts"),
})

let stop: () => Promise<void>
beforeAll(async () => {
  stop = await start()
})
afterAll(() => stop())

it("keeps the parent of a query that has waited for a connection, and makes nothing of the web socket", async () => {
  const recording = new Recording().watch(pgIntegration)
  const pool = traced(new neon.Pool(options({ max: 1 })))
  const found = await Promise.all(Array.from({ length: 6 }, () => recording.children(() => pool.query("select pg_sleep(0.003)"))))
  for (const { spans, parent } of found) {
    expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
    expect(tagsOf(spans[0])["server.port"]).toBe(port)
  }
  await pool.end()
  recording.unwatch()
})
