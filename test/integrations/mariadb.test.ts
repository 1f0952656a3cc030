import { expect, it } from "vitest"
import { mariadbIntegration } from "../../src/integrations/mariadb.ts"
import { traced } from "../../src/mariadb.ts"
import { behavesAsMysql } from "./_mysql.ts"
import { tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { SECRET, settling } from "./_suite.ts"

interface Statement {
  execute(values: unknown[]): Promise<unknown>
  executeStream(values: unknown[]): AsyncIterable<unknown>
  close(): void
}
interface Connection {
  query(sql: string | object, values?: readonly unknown[]): Promise<unknown>
  execute(sql: string | object, values?: readonly unknown[]): Promise<unknown>
  batch(sql: string | object, values?: readonly unknown[]): Promise<unknown>
  queryStream(sql: string): AsyncIterable<unknown>
  prepare(sql: string): Promise<Statement>
  beginTransaction(): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>
  release(): Promise<void>
  destroy(): void
  end(): Promise<void>
}
interface Pool extends Connection {
  getConnection(): Promise<Connection>
}
interface Library {
  createPool(options: object | string): Pool
  createConnection(options: object): Promise<Connection>
  createPoolCluster(): { add(id: string, options: object): void; of(pattern: string): Pool; end(): Promise<void> }
}
type Callback = (error: unknown, rows?: unknown) => void
// biome-ignore lint/suspicious/noExplicitAny: every method of the callback API.
type Called = any

/** As the layer and the plugin hand it over: the CommonJS module, whose classes are out of reach. */
function handed<T>(name: string): T {
  const module = { exports: load<T>(name) }
  traced(module)
  return module.exports
}
const mariadb = load<Library>("mariadb")
const callbacks = load<{ createPool(options: object): Called; createConnection(options: object): Called }>("mariadb/callback")

behavesAsMysql<Pool, Connection>({
  integration: mariadbIntegration,
  system: "mariadb",
  connect: (options) => handed<Library>("mariadb").createPool(options),
  connectCallbacks: (options) => traced(callbacks.createPool(options)),
  close: (pool) => pool.end(),
  query: (of, ...query) => of.query(...query),
  execute: (of, ...query) => of.execute(...query),
  batch: (of, rows) => of.batch("insert into carts values (?, ?)", rows),
  reserve: (pool) => pool.getConnection(),
  release: (connection) => connection.release(),
  step: (connection, step) => connection[step](),
  bindsCallbacks: true,
  timeoutKind: "ER_STATEMENT_TIMEOUT",
  refused: {
    options: { acquireTimeout: 200, connectTimeout: 100, initializationTimeout: 100 },
    tags: { "db.query.text": "select ?" },
  },
  // Its messages number connections and queries.
  connections: 1,
  comparable: (error) => [error.name, (error as { errno?: number }).errno],

  async more(connection, write, { options }) {
    const settle = settling(write)
    await settle("no text", connection.query(undefined as never))
    await settle("as arrays", connection.query({ sql: "select ? as a", rowsAsArray: true }, [SECRET]))
    const statement = await connection.prepare("select name from carts where id = ?")
    await settle("a statement", statement.execute([2]))
    for await (const row of statement.executeStream([3])) write("a statement's row", row)
    statement.close()
    await settle("closed", statement.execute([2]))
    for await (const row of connection.queryStream("select id from carts order by id limit 2")) write("row", row)
    await settle(
      "a stream that fails",
      (async () => {
        for await (const _ of connection.queryStream("select nothing"));
      })(),
    )
    const lost = await mariadb.createConnection(options())
    setTimeout(() => lost.destroy(), 20)
    await settle("lost", lost.query("select sleep(5)"))
    await settle("after that", lost.query("select 1"))
  },

  its({ recording, options }) {
    it("makes a span of each execution, batch, stream and step of a transaction", async () => {
      const { port } = options()
      const pool = handed<Library>("mariadb").createPool(`mariadb://root@127.0.0.1:${port}/shop?connectionLimit=2`)
      const { spans } = await recording.children(async () => {
        const connection = await pool.getConnection()
        await connection.beginTransaction()
        const statement = await connection.prepare("select ? as a from carts")
        await statement.execute([SECRET])
        for await (const _ of statement.executeStream([SECRET]));
        statement.close()
        await connection.batch("insert into carts values (?, ?)", [
          [31, SECRET],
          [32, "b"],
        ])
        for await (const _ of connection.queryStream("select * from carts")) await new Promise((resolve) => setTimeout(resolve, 5))
        await connection.commit()
        await connection.release()
      }, 6)
      expect(spans.map((span) => [span.operationName, tagsOf(span)["db.operation.batch.size"], tagsOf(span)["server.port"]])).toEqual(
        [
          ["START TRANSACTION", undefined, port],
          ["select carts", undefined, port],
          ["select carts", undefined, port],
          ["insert carts", 2, port],
          ["select carts", undefined, port],
          ["COMMIT", undefined, port],
        ].map(([name, ...more]) => [String(name).split(" ")[0] === "START" ? "START" : name, ...more]),
      )
      expect(spans[4]?.durationUs).toBeGreaterThan(4500)
      expect(spans.every((span) => tagsOf(span)["server.address"] === "127.0.0.1")).toBe(true)
      await pool.end()
    })

    it("traces the callback API: queries, transactions, statements and events", async () => {
      const connection = traced(callbacks.createConnection(options()))
      const ask = (name: string, ...args: unknown[]) =>
        new Promise<Called>((resolve, reject) =>
          connection[name](...args, ((error, value) => (error ? reject(error) : resolve(value))) as Callback),
        )
      const { spans, thrown } = await recording.children(async () => {
        await ask("beginTransaction")
        const statement = await ask("prepare", "select ? as a from carts")
        await new Promise((resolve) => statement.execute([SECRET], resolve))
        await new Promise((resolve) => connection.query("select * from carts").on("end", resolve))
        await ask("rollback")
        await ask("query", "select nothing")
      }, 5)
      expect(thrown).toMatchObject({ errno: 1054 })
      expect(spans.map(({ operationName }) => operationName)).toEqual(["START", "select carts", "select carts", "ROLLBACK", "select"])
      expect(tagsOf(spans[1])).toMatchObject({ "server.address": "127.0.0.1", "server.port": options().port, "db.namespace": "shop" })
      connection.destroy()
    })
  },
})
