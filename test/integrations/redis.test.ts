import { describe, expect, it } from "vitest"
import { redisIntegration } from "../../src/integrations/redis.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { startStore } from "./stores.mjs"

interface Batch {
  set(key: string, value: string): Batch
  get(key: string): Batch
  incr(key: string): Batch
  exec(): Promise<unknown[]>
  execAsPipeline(): Promise<unknown[]>
}
interface Redis {
  connect(): Promise<Redis>
  close(): Promise<void>
  destroy(): void
  on(event: string, listener: (...args: unknown[]) => void): Redis
  multi(): Batch
  sendCommand(args: string[]): Promise<unknown>
  duplicate(): Redis
  subscribe(channel: string, listener: (message: string) => void): Promise<void>
  unsubscribe(channel: string): Promise<void>
  // biome-ignore lint/suspicious/noExplicitAny: every command of Redis.
  [command: string]: any
}
const { createClient } = load<{ createClient(options: object): Redis }>("redis")

let port: number
const connect = (options: object = {}) =>
  createClient({ socket: { port, host: "127.0.0.1", reconnectStrategy: false }, ...options }).on("error", () => {})

behavesAsIntegration<Redis>({
  integration: redisIntegration,
  async start() {
    const store = await startStore("redis")
    port = store.port
    return store.stop
  },
  connect: () => connect().connect(),
  close: (client) => client.destroy(),
  call: (client) => client.set(SECRET, SECRET),
  span: {
    name: /^SET 127\.0\.0\.1:\d+$/,
    tags: () => ({
      "span.kind": "client",
      "db.system.name": "redis",
      "db.operation.name": "SET",
      "db.query.text": "SET ? ?",
      "db.namespace": "0",
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: (client) => client.sendCommand(["NOSUCH", SECRET]),
  failure: { "db.response.status_code": "ERR", "error.message": "ERR unknown command ?" },

  async transcript(client, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, value),
        (error) => write(`${what} failed`, error),
      )
    for (let at = 0; at < 10; at++) await settle(`set ${at}`, client.set(`key${at}`, `${SECRET}${at}`))
    await Promise.all(Array.from({ length: 10 }, (_, at) => settle(`get ${at}`, client.get(`key${at}`))))
    await settle("wrong type", client.lPush("key0", SECRET))
    await settle("unknown", client.sendCommand(["NOSUCH", SECRET]))
    await settle("hash", client.hSet("hash", { field: SECRET, other: "1" }))
    await settle("hash all", client.hGetAll("hash"))
    await settle("multi", client.multi().set("a", "1").incr("a").get("a").exec())
    await settle("multi with an error", client.multi().set("b", "x").incr("b").exec())
    await settle("pipeline", client.multi().set("a", SECRET).get("a").execAsPipeline())
    await settle("script", client.eval("return {KEYS[1], ARGV[1]}", { keys: ["k"], arguments: [SECRET] }))
    await settle("script error", client.eval("return redis.error_reply('MINE no')", { keys: [], arguments: [] }))
    for await (const keys of client.scanIterator({ MATCH: "key*", COUNT: 3 }))
      for (const key of keys) if (key === "key7") write("scanned", key)
    await settle("stream", client.xAdd("stream", "1-1", { secret: SECRET }))
    await settle("blocking", client.blPop("nothing", 0.01))
    await settle("aborted", client.sendCommand(["GET", "key0"]).then(String))
    const subscriber = await client
      .duplicate()
      .on("error", () => {})
      .connect()
    const heard = new Promise<string>(
      (resolve) => void subscriber.subscribe("channel", resolve).then(() => client.publish("channel", SECRET)),
    )
    write("heard", await heard)
    subscriber.destroy()
    const closed = connect()
    await settle("closed", closed.get("key0"))
  },
  reset: (client) => client.flushAll(),
})

describe("redis", () => {
  it("makes one span of a transaction and of a pipeline, whatever their length", async () => {
    const store = await startStore("redis")
    const recording = new Recording().watch(redisIntegration)
    const client = await createClient({ socket: { port: store.port, host: "127.0.0.1" }, database: 3 })
      .on("error", () => {})
      .connect()
    const { spans } = await recording.children(async () => {
      await client.multi().set("a", SECRET).get("a").exec()
      await client.multi().set("a", SECRET).get("a").get("b").execAsPipeline()
    }, 2)
    expect(spans.map(tagsOf)).toMatchObject([
      { "db.operation.name": "MULTI", "db.operation.batch.size": 2, "db.namespace": "3" },
      { "db.operation.name": "PIPELINE", "db.operation.batch.size": 3, "db.namespace": "3" },
    ])
    expect(spans).toHaveLength(2)

    // A server that goes away in the middle of a command.
    const lost = await recording.children(async () => {
      const waiting = client.blPop("nothing", 0)
      setTimeout(() => client.destroy(), 20)
      await waiting
    })
    expect(tagsOf(lost.spans[0])).toMatchObject({ error: true, "db.operation.name": "BLPOP" })
    recording.unwatch()
    await store.stop()
  })

  it("leaves out what the client says to introduce itself, and keeps the parent of what waits for the connection", async () => {
    const store = await startStore("redis")
    const recording = new Recording().watch(redisIntegration)
    const client = createClient({ socket: { port: store.port, host: "127.0.0.1" } }).on("error", () => {})
    const { spans } = await recording.children(async () => {
      const connected = client.connect()
      await Promise.all([client.get("early"), connected])
    })
    expect(spans.map(({ operationName }) => operationName.split(" ")[0])).toEqual(["GET"])
    client.destroy()
    recording.unwatch()
    await store.stop()
  })
})
