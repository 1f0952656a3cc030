import { describe, expect, it } from "vitest"
import { postgresIntegration } from "../../src/integrations/postgres.ts"
import { traced } from "../../src/postgres.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { startStore } from "./stores.mjs"

// biome-ignore lint/suspicious/noExplicitAny: a tag, a function, and what they give.
type Sql = any
const postgres = load<(options: object) => Sql>("postgres")

let port: number
const connect = (more: object = {}) =>
  traced(postgres({ host: "127.0.0.1", port, user: "root", database: "postgres", max: 3, onnotice: () => {}, ...more }))

async function start(): Promise<() => Promise<void>> {
  const store = await startStore("postgres")
  port = store.port
  const first = connect()
  await first`create table carts (id int primary key, name text unique)`
  await first.end()
  return store.stop
}

behavesAsIntegration<Sql>({
  integration: postgresIntegration,
  start,
  async connect() {
    const sql = connect({ fetch_types: false })
    await sql`select 1`
    return sql
  },
  close: (sql) => sql.end(),
  call: async (sql) => [...(await sql`select id, 'Tr0ub4dor&3' from carts where name = ${SECRET} and id in (1, 2, 3)`)],
  span: {
    name: "select carts",
    tags: () => ({
      "span.kind": "client",
      "db.system.name": "postgresql",
      "db.query.text": "select id, ? from carts where name = $1 and id in (?)",
      "db.query.summary": "select carts",
      "db.operation.name": "select",
      "db.collection.name": "carts",
    }),
  },
  fail: async (sql) => sql.unsafe(`select 1 from carts where id = '${SECRET}'`),
  failure: { "db.response.status_code": "22P02", "error.message": "invalid input syntax for type integer: ?" },

  async transcript(sql, write) {
    const settle = async (what: string, query: PromiseLike<unknown>) => {
      try {
        write(what, JSON.stringify(await query))
      } catch (error) {
        write(`${what} failed`, error)
      }
    }
    for (let at = 0; at < 10; at++) await settle(`insert ${at}`, sql`insert into carts values (${at}, ${`${SECRET}${at}`}) returning id`)
    for (let at = 0; at < 10; at++) await settle(`select ${at}`, sql`select * from carts where id = ${at}`)
    const never = sql`insert into carts values (99, 'never')`
    write("lazy", never.executed, typeof never.then)
    await settle("not there", sql`select * from carts where id = 99`)
    const once = sql`insert into carts values (100, 'once')`
    await Promise.all([once, once.then(() => {}), once.catch(() => {})])
    await settle("duplicate", sql`insert into carts values (1, ${`${SECRET}1`})`)
    await settle("no table", sql`select * from nowhere`)
    await settle("fragments", sql`select ${sql("id")} from ${sql("carts")} where id in ${sql([1, 2])} order by id`)
    await settle(
      "several rows",
      sql`insert into carts ${sql([
        { id: 20, name: "a" },
        { id: 21, name: "b" },
      ])}`,
    )
    await settle("unsafe", sql.unsafe("select $1::int as a", [5]))
    await settle("values", sql`select 1, 2`.values())
    await settle(
      "described",
      sql`select 1 as a`.describe().then(({ columns }: { columns: object[] }) => columns.length),
    )
    await settle(
      "a transaction",
      sql.begin(async (inner: Sql) => inner`update carts set name = 'x' where id = 1 returning name`),
    )
    await settle(
      "rolled back",
      sql.begin(async (inner: Sql) => inner`select 1/0`),
    )
    await sql`select id from carts order by id limit 3`.forEach((row: unknown) => void write("each", JSON.stringify(row)))
    for await (const rows of sql`select id from carts order by id limit 4`.cursor(2)) write("cursor", JSON.stringify(rows))
    await sql`select id from carts order by id limit 4`.cursor(2, (rows: unknown) => void write("cursor function", JSON.stringify(rows)))
    const slow = sql`select pg_sleep(5)`.execute()
    setTimeout(() => slow.cancel(), 30)
    await settle("cancelled", slow)
    await settle("raised", sql.unsafe(`do $$ begin raise exception '${SECRET}'; end $$`))
    const refused = connect({ port: 1 })
    await settle("refused", refused`select 1`)
    await refused.end()
  },
  reset: async (sql) => sql`truncate carts`,
})

describe("postgres", () => {
  it("follows a cursor to its end, and keeps the parent of a query that has waited for a connection", async () => {
    const stop = await start()
    const recording = new Recording().watch(postgresIntegration)
    const sql = connect({ max: 1, fetch_types: false })
    await sql`select 1`
    const { spans } = await recording.children(async () => {
      for await (const _ of sql`select * from generate_series(1, 6)`.cursor(2)) await new Promise((resolve) => setTimeout(resolve, 5))
    })
    expect(spans).toHaveLength(1)
    expect(spans[0]?.durationUs).toBeGreaterThan(14_000)
    const found = await Promise.all(Array.from({ length: 10 }, () => recording.children(async () => sql`select pg_sleep(0.003)`)))
    for (const { spans, parent } of found) expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
    recording.unwatch()
    await sql.end()
    await stop()
  })

  it("makes a span of each step of a transaction, of COPY, LISTEN, NOTIFY and of many rows at once", async () => {
    const stop = await start()
    const recording = new Recording().watch(postgresIntegration)
    const sql = connect({ fetch_types: false })
    await sql`select 1`
    const { spans } = await recording.children(async () => {
      await sql.begin(
        async (inner: Sql) =>
          inner`insert into carts ${inner([
            { id: 1, name: SECRET },
            { id: 2, name: "b" },
          ])}`,
      )
      const into = await sql`copy carts from stdin`.writable()
      await new Promise((resolve, reject) => into.on("error", reject).on("finish", resolve).end(`3\t${SECRET}3\n`))
      for await (const _ of await sql`copy (select * from carts) to stdout`.readable());
      const { unlisten } = await sql.listen("jobs", () => {})
      await sql.notify("jobs", SECRET)
      await unlisten()
    }, 8)
    const names = spans.map(({ operationName }) => operationName)
    for (const name of ["begin", "commit", "copy carts", "copy select carts", "listen", "unlisten"]) expect(names).toContain(name)
    expect(JSON.stringify(spans.map((span) => [span.operationName, ...span.tags]))).not.toContain(SECRET)

    const failed = await recording.children(async () => {
      const slow = sql`select pg_sleep(5)`.execute()
      setTimeout(() => slow.cancel(), 20)
      const timed = connect({ fetch_types: false, connection: { statement_timeout: 30 } })
      const refused = connect({ port: 1, fetch_types: false })
      await Promise.allSettled([slow, timed`select pg_sleep(5)`, refused`select 1`])
      await timed.end()
      await refused.end()
    }, 3)
    expect(failed.spans.map((span) => tagsOf(span)["error.kind"]).toSorted()).toEqual(["57014", "57014", "ECONNREFUSED"])
    recording.unwatch()
    await sql.end()
    await stop()
  })
})
