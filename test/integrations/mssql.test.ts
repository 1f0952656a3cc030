import { type EventEmitter, once } from "node:events"
import type { Readable } from "node:stream"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { mssqlIntegration, rememberPools } from "../../src/integrations/mssql.ts"
import { traced } from "../../src/mssql.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET, settling } from "./_suite.ts"
import { startTds } from "./_tds-server.ts"

// Against a double: there is no SQL Server for Debian, nor in npm. What is real is the client, its channels and the wire between.

interface Request {
  stream: boolean
  toReadableStream(): Readable
  on(event: "row" | "error" | "done", listener: (value: { code: string }) => void): Request
  query(text: string, callback?: (error: unknown, result: unknown) => void): Promise<{ recordset: unknown }>
  batch(text: string): Promise<{ recordset: unknown }>
  execute(procedure: string): Promise<{ recordset: unknown }>
  input(name: string, value: unknown): Request
  cancel(): void
}
interface Pool {
  connect(): Promise<Pool>
  close(): Promise<void>
  request(): Request
}
interface Statement {
  stream: boolean
  input(name: string, type: unknown): void
  prepare(text: string): Promise<unknown>
  execute(values: object): Promise<{ recordset: unknown }> & EventEmitter
  unprepare(): Promise<unknown>
}
interface Transaction {
  begin(): Promise<unknown>
  commit(): Promise<unknown>
  rollback(): Promise<unknown>
}
const sql = traced(
  load<{
    ConnectionPool: new (config: object) => Pool
    Request: new (of: unknown) => Request
    Transaction: new (pool: Pool) => Transaction
    PreparedStatement: new (pool: Pool) => Statement
    NVarChar: unknown
  }>("mssql"),
)

let port: number
const connect = (more: object = {}) =>
  new sql.ConnectionPool({
    server: "127.0.0.1",
    port,
    user: "sa",
    password: SECRET,
    database: "shop",
    options: { encrypt: false, trustServerCertificate: true },
    pool: { max: 3 },
    ...more,
  }).connect()
const rows = async (answer: Promise<{ recordset: unknown }>) => JSON.stringify((await answer).recordset)

async function start(): Promise<() => Promise<void>> {
  const double = await startTds()
  port = double.port
  const forget = rememberPools()
  return () => {
    forget()
    return double.stop()
  }
}

behavesAsIntegration<Pool>({
  integration: mssqlIntegration,
  start,
  connect: () => connect(),
  close: (pool) => pool.close(),
  call: (pool) =>
    rows(pool.request().input("name", SECRET).query(`select a, '${SECRET}' from [carts] where name = @name and id in (1, 2)`)),
  span: {
    name: "select carts",
    tags: () => ({
      "span.kind": "client",
      "db.system.name": "microsoft.sql_server",
      "db.query.text": "select a, ? from [carts] where name = @name and id in (?)",
      "db.query.summary": "select carts",
      "db.operation.name": "select",
      "db.collection.name": "carts",
      "db.namespace": "shop",
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: (pool) => pool.request().query(`select '${SECRET}' from nowhere`),
  failure: { "db.response.status_code": "208", "error.kind": "EREQUEST", "error.message": "Invalid object name ?." },

  async transcript(pool, write) {
    const settle = settling(write)
    for (let at = 0; at < 10; at++) await settle(`query ${at}`, rows(pool.request().input("at", at).query("select a from t where b = @at")))
    await Promise.all(Array.from({ length: 10 }, (_, at) => settle("at once", rows(pool.request().query(`select ${at}`)))))
    await settle("batch", rows(pool.request().batch("select a from t")))
    await settle("procedure", rows(pool.request().input("p", SECRET).execute("refresh")))
    await settle("refused", pool.request().query("select * from nowhere"))
    await settle("raised", pool.request().batch("raise"))
    await new Promise<void>((resolve) =>
      pool.request().query("select a", (error, result) => {
        write("callback", error, JSON.stringify((result as { recordset: unknown }).recordset))
        resolve()
      }),
    )
    const statement = new sql.PreparedStatement(pool)
    statement.input("p", sql.NVarChar)
    await statement.prepare("select a from t where p = @p")
    for (let at = 0; at < 3; at++) await settle(`execution ${at}`, rows(statement.execute({ p: SECRET })))
    await settle("unprepared", statement.unprepare().then(typeof 0 as never))
    const transaction = new sql.Transaction(pool)
    await transaction.begin()
    await settle("in a transaction", rows(new sql.Request(transaction).query("update t set a = 1")))
    await transaction.commit()
    const waiting = pool.request()
    setTimeout(() => waiting.cancel(), 30)
    await settle("cancelled", waiting.query("wait"))
    const impatient = await connect({ requestTimeout: 40 })
    await settle("timed out", impatient.request().query("wait"))
    await impatient.close()
    await settle("closed", impatient.request().query("select 1"))
    await settle("lost", pool.request().query("select lose"))
    await settle("not connected", connect({ port: 1 }))
    for (const text of ["select a from t", "select * from nowhere"]) {
      const streaming = pool
        .request()
        .on("row", (row) => write("row", row))
        .on("error", (error) => write("told", error))
      streaming.stream = true
      await settle("streamed", streaming.query(text))
      const piped = pool.request()
      const stream = piped.toReadableStream()
      void piped.query(text)
      await settle("read", stream.toArray())
    }
  },
})

describe("mssql", () => {
  let stop: () => Promise<void>
  let recording: Recording
  let pool: Pool
  beforeAll(async () => {
    stop = await start()
    recording = new Recording().watch(mssqlIntegration)
    pool = await connect()
  })
  afterAll(async () => {
    recording.unwatch()
    await pool.close()
    await stop()
  })

  it("makes one span of a procedure, a batch and the execution of a statement, none of what they are made of", async () => {
    const { spans } = await recording.children(async () => {
      await pool.request().input("p", SECRET).execute("refresh")
      await pool.request().batch("select a from t")
      const statement = new sql.PreparedStatement(pool)
      statement.input("p", sql.NVarChar)
      await statement.prepare("select a from t where p = @p")
      await statement.execute({ p: SECRET })
      await statement.unprepare()
    }, 3)
    expect(spans.map((span) => [span.operationName, tagsOf(span)["db.stored_procedure.name"], tagsOf(span)["db.namespace"]])).toEqual([
      ["EXECUTE refresh", "refresh", "shop"],
      ["select t", undefined, "shop"],
      ["select t", undefined, "shop"],
    ])
  })

  it("ends with an error what was cancelled, what took too long, and what the user's own code has raised", async () => {
    const impatient = await connect({ requestTimeout: 40 })
    const { spans } = await recording.children(async () => {
      const waiting = pool.request()
      setTimeout(() => waiting.cancel(), 30)
      await waiting.query("select wait").catch(() => {})
      await impatient
        .request()
        .query("select wait")
        .catch(() => {})
      await pool
        .request()
        .batch("raise")
        .catch(() => {})
    }, 3)
    expect(spans.map((span) => [tagsOf(span)["error.kind"], tagsOf(span)["error.message"]])).toEqual([
      ["ECANCEL", "Canceled."],
      ["ETIMEOUT", expect.stringContaining("Timeout")],
      ["EREQUEST", ""],
    ])
    await impatient.close()
  })

  it("ends with the error what streams and fails, by promise, by callback, as a readable stream and as a statement", async () => {
    const ends: unknown[] = []
    const { spans } = await recording.children(async () => {
      const request = pool.request()
      request.stream = true
      request.on("error", ({ code }: { code: string }) => ends.push(code))
      await request.query("select a from nowhere")
      await new Promise((resolve) => request.query("select b from nowhere", resolve))
      await request.query("select c from carts")
      const piped = pool.request()
      const stream = piped.toReadableStream()
      void piped.batch("select d from nowhere")
      await stream.toArray().catch(({ code }: { code: string }) => ends.push(code))
      const statement = new sql.PreparedStatement(pool)
      statement.input("p", sql.NVarChar)
      await statement.prepare("select e from t")
      statement.stream = true
      await once(statement.execute({ p: SECRET }), "done")
      const refused = statement.execute({ p: "nowhere" })
      refused.on("error", ({ code }: { code: string }) => ends.push(code))
      await new Promise((resolve) => refused.on("done", resolve))
      await statement.unprepare()
    }, 6)
    expect(ends).toEqual(["EREQUEST", "EREQUEST", "EREQUEST", "EREQUEST"])
    expect(spans.map((span) => [span.operationName, tagsOf(span)["db.response.status_code"]])).toEqual([
      ["select nowhere", "208"],
      ["select nowhere", "208"],
      ["select carts", undefined],
      ["select nowhere", "208"],
      ["select t", undefined],
      ["select t", "208"],
    ])
  })

  it("leaves a stream's error that nobody handles to the process", async () => {
    // Its connection is never given back: the pool could not be closed.
    const request = (await connect()).request()
    request.stream = true
    const caught = once(process, "uncaughtException")
    const others = process.rawListeners("uncaughtException")
    for (const other of others.slice(0, -1)) process.removeListener("uncaughtException", other as never)
    void recording.children(() => request.query("select a from nowhere"))
    expect(await caught).toMatchObject([{ code: "EREQUEST" }, "uncaughtException"])
    for (const other of others.slice(0, -1)) process.on("uncaughtException", other as never)
  })

  it("tells of a connection that fails, that is refused, and that breaks", async () => {
    const { spans } = await recording.children(async () => {
      await connect({ port: 1 }).catch(() => {})
      await connect({ database: "nowhere" }).catch(() => {})
      await pool
        .request()
        .query("select lose")
        .catch(() => {})
      await pool.request().query("select a from carts")
    }, 4)
    const at = (tags: object) => expect.objectContaining({ "server.address": "127.0.0.1", ...tags })
    expect(spans.map((span) => tagsOf(span))).toEqual([
      at({ "db.namespace": "shop", "server.port": 1, "error.kind": "ESOCKET" }),
      at({ "db.namespace": "nowhere", "error.kind": "ELOGIN", "error.message": "Login failed for user ?." }),
      at({ "db.query.summary": "select", error: true }),
      at({ "db.query.summary": "select carts" }),
    ])
    expect(tagsOf(spans[3])["error"]).toBeUndefined()
  })
})
