import { execFileSync } from "node:child_process"
import { fileURLToPath, pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { SpanRecord } from "../../src/core/contracts.ts"
import { readSql } from "../../src/integrations/_sql.ts"
import { mysql2Integration } from "../../src/integrations/mysql2.ts"
import { pgIntegration } from "../../src/integrations/pg.ts"
import { traced } from "../../src/pg.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { SECRET } from "./_suite.ts"
import { type Store, startStore } from "./stores.mjs"

// Drizzle and Prisma ask their drivers: what they make is traced there, one span for each statement, by the drivers' own integrations.

// biome-ignore lint/suspicious/noExplicitAny: of the query builders, whose types are not installed here.
type Any = any
const { eq } = load<Any>("drizzle-orm")
const folder = fileURLToPath(new URL("./fixtures/stores/", import.meta.url))

let postgres: Store
let mariadb: Store
let recording: Recording

/** A pool of pg's. */
function connect(): Any {
  const { Pool } = load<Any>("pg")
  return traced(new Pool({ host: "127.0.0.1", port: postgres.port, user: "root", database: "postgres", max: 3 }))
}

beforeAll(async () => {
  ;[postgres, mariadb] = await Promise.all([startStore("postgres"), startStore("mariadb")])
  const pool = connect()
  await pool.query("create table carts (id int primary key, name text unique)")
  await pool.end()
  recording = new Recording().watch(pgIntegration).watch(mysql2Integration)
}, 120_000)
afterAll(async () => {
  recording.unwatch()
  await Promise.all([postgres.stop(), mariadb.stop()])
})

/** What the library says that it has asked, and what the spans say, must be the same. */
async function statementsAndSpans(asked: string[], count: number, run: () => Promise<unknown>): Promise<[string[], string[]]> {
  asked.length = 0
  const { spans, parent, thrown } = await recording.children(run, count)
  expect(thrown).toBe(undefined)
  expect(spans.every(({ parentSpanId }: SpanRecord) => parentSpanId === parent.spanId)).toBe(true)
  expect(JSON.stringify(spans.map((span) => [...span.tags]))).not.toContain(SECRET)
  const dialect = tagsOf(spans[0])["db.system.name"] === "mysql" ? "mysql" : "postgresql"
  return [asked.map((sql) => readSql(sql, dialect).text), spans.map((span) => String(tagsOf(span)["db.query.text"]))]
}

describe("drizzle", () => {
  const asked: string[] = []
  const logger = { logQuery: (sql: string) => void asked.push(sql) }

  it.each([
    ["pg", () => load<Any>("drizzle-orm/node-postgres").drizzle(connect(), { logger }), "drizzle-orm/pg-core", "pgTable", "text"],
    ["mysql2", overMysql2, "drizzle-orm/mysql-core", "mysqlTable", "text"],
  ] as const)("over %s makes one span of each statement, in a transaction and without", async (_, open, core, table, text) => {
    const columns = load<Any>(core)
    const carts = columns[table]("carts", { id: columns.int?.("id") ?? columns.integer("id"), name: columns[text]("name") })
    const db = await open()
    const [statements, spans] = await statementsAndSpans(asked, 6, async () => {
      await db.insert(carts).values({ id: 1, name: SECRET })
      await Promise.all([db.select().from(carts).where(eq(carts.id, 1)), db.select().from(carts).where(eq(carts.name, SECRET))])
      await db.transaction(async (inner: Any) => {
        await inner.update(carts).set({ name: `${SECRET}2` })
      })
    })
    expect(spans).toHaveLength(6)
    expect(spans.toSorted()).toEqual(statements.toSorted())
    await db.$client.end()
  })

  async function overMysql2(): Promise<Any> {
    const own = load<Any>("mysql2/promise").createPool({ host: "127.0.0.1", port: mariadb.port, user: "root", database: "mysql" })
    await own.query("create database if not exists shop")
    await own.query("create table if not exists shop.carts (id int primary key, name text)")
    await own.end()
    const shop = load<Any>("mysql2/promise").createPool({ host: "127.0.0.1", port: mariadb.port, user: "root", database: "shop" })
    return load<Any>("drizzle-orm/mysql2").drizzle(shop, { logger })
  }
})

describe("Prisma", () => {
  const asked: string[] = []
  let prisma: Any

  beforeAll(async () => {
    // The engine that migrates is not needed to generate, and would be downloaded: any program will do in its place.
    const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" }
    const args = ["node_modules/prisma/build/index.js", "generate", "--schema", "schema.prisma", "--no-hints"]
    execFileSync(process.execPath, args, { cwd: folder, env, stdio: "pipe" })
    const { PrismaClient } = await import(/* @vite-ignore */ pathToFileURL(`${folder}.cache/prisma/client.ts`).href)
    const { PrismaPg } = load<Any>("@prisma/adapter-pg")
    const connectionString = `postgresql://root@127.0.0.1:${postgres.port}/postgres`
    prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString }), log: [{ emit: "event", level: "query" }] })
    prisma.$on("query", ({ query }: { query: string }) => void asked.push(query))
    await prisma.$connect()
  })
  afterAll(() => prisma.$disconnect())

  it("makes one span of each statement under the caller's, in a transaction and without", async () => {
    const [statements, spans] = await statementsAndSpans(asked, 6, async () => {
      await prisma.carts.create({ data: { id: 10, name: `${SECRET}10` } })
      await Promise.all([prisma.carts.findMany({ where: { id: 10 } }), prisma.carts.count()])
      await prisma.$transaction(async (inner: Any) => {
        await inner.carts.update({ where: { id: 10 }, data: { name: `${SECRET}11` } })
      })
    })
    // It asks for the beginning itself, and does not say so.
    expect(spans.toSorted()).toEqual(["BEGIN", ...statements].toSorted())
  })

  it("gives each of 10 concurrent callers its own spans, and the error that the server gives", async () => {
    const found = await Promise.all(
      Array.from({ length: 10 }, (_, id) => recording.children(async () => await prisma.carts.findMany({ where: { id } }))),
    )
    for (const { parent, spans } of found) expect(spans.map(({ traceId }) => traceId)).toEqual([parent.traceId])
    const { spans, thrown } = await recording.children(async () => await prisma.carts.create({ data: { id: 10, name: SECRET } }))
    expect(thrown).toMatchObject({ code: "P2002" })
    expect(tagsOf(spans[0])).toMatchObject({ error: true, "db.response.status_code": "23505" })
  })
})
