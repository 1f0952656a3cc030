import { AsyncLocalStorage } from "node:async_hooks"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { SpanRecord } from "../../src/core/contracts.ts"
import { invoke } from "../../src/core/invoke.ts"
import { ioredisIntegration } from "../../src/integrations/ioredis.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { type Store, startStore } from "./stores.mjs"

interface Chain {
  set(key: string, value: string): Chain
  get(key: string): Chain
  incr(key: string): Chain
  exec(): Promise<unknown[]>
}
interface Redis {
  multi(): Chain
  pipeline(): Chain
  disconnect(): void
  duplicate(): Redis
  on(event: string, listener: (...args: unknown[]) => void): Redis
  // biome-ignore lint/suspicious/noExplicitAny: every command of Redis.
  [command: string]: any
}
const { Redis: Client } = load<{ Redis: new (options: object) => Redis }>("ioredis")

let port: number
const connect = (options: object = {}) =>
  new Client({ port, host: "127.0.0.1", retryStrategy: null, maxRetriesPerRequest: 0, ...options }).on("error", () => {})

behavesAsIntegration<Redis>({
  integration: ioredisIntegration,
  async start() {
    const store = await startStore("redis")
    port = store.port
    return store.stop
  },
  async connect() {
    const client = connect()
    await client["ping"]()
    return client
  },
  close: (client) => client.disconnect(),
  call: (client) => client["set"](SECRET, SECRET),
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
  fail: (client) => client["call"]("NOSUCH", SECRET),
  failure: { "db.response.status_code": "ERR", "error.message": "ERR unknown command ?" },

  async transcript(client, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, value),
        (error) => write(`${what} failed`, error),
      )
    for (let at = 0; at < 10; at++) await settle(`set ${at}`, client["set"](`key${at}`, `${SECRET}${at}`))
    await Promise.all(Array.from({ length: 10 }, (_, at) => settle(`get ${at}`, client["get"](`key${at}`))))
    await settle("wrong type", client["lpush"]("key0", SECRET))
    await settle("unknown", client["call"]("NOSUCH", SECRET))
    await settle("hash", client["hset"]("hash", { field: SECRET, other: "1" }))
    await settle("hash all", client["hgetall"]("hash"))
    await settle("multi", client.multi().set("a", "1").incr("a").get("a").exec())
    await settle("multi with an error", client.multi().set("b", "x").incr("b").exec())
    await settle("pipeline", client.pipeline().set("a", SECRET).get("a").exec())
    await settle("script", client["eval"]("return {KEYS[1], ARGV[1]}", 1, "k", SECRET))
    await settle("script error", client["eval"]("return redis.error_reply('MINE no')", 0))
    await new Promise<void>((resolve) =>
      client["get"]("key1", (error: unknown, value: unknown) => {
        write("callback", error, value)
        resolve()
      }),
    )
    const stream = client["scanStream"]({ match: "key*", count: 3 }) as AsyncIterable<string[]>
    for await (const keys of stream) for (const key of keys) if (key === "key7") write("scanned", key)
    await settle("blocking", client["blpop"]("nothing", 0.01))
    const subscriber = client.duplicate().on("error", () => {})
    await subscriber["subscribe"]("channel")
    const heard = new Promise((resolve) => subscriber.on("message", (_channel, message) => resolve(message)))
    await client["publish"]("channel", SECRET)
    write("heard", await heard)
    subscriber.disconnect()
    await settle("closed", subscriber["get"]("key0"))
  },
  reset: (client) => client["flushall"](),
})

describe("ioredis", () => {
  let store: Store
  let recording: Recording
  beforeAll(async () => {
    store = await startStore("redis")
    recording = new Recording().watch(ioredisIntegration)
  })
  afterAll(async () => {
    recording.unwatch()
    await store.stop()
  })

  it("makes one span of a transaction, and one of each command of a pipeline", async () => {
    const client = connect({ port: store.port })
    await client["ping"]()
    const { spans } = await recording.children(async () => {
      await client.multi().set("a", SECRET).get("a").exec()
      await client.pipeline().set("a", SECRET).get("a").exec()
    }, 3)
    expect(spans.map((span) => [tagsOf(span)["db.operation.name"], tagsOf(span)["db.operation.batch.size"]])).toEqual([
      ["MULTI", 2],
      ["SET", undefined],
      ["GET", undefined],
    ])
    client.disconnect()
  })

  it("gives a command that has waited for the connection to the invocation under way", async () => {
    // As a function does it: a client made while the module loads.
    const client = connect({ port: store.port })
    let spans: SpanRecord[] = []
    const answers = new AsyncLocalStorage().exit(() =>
      invoke(
        {
          tracer: recording.tracer,
          id: "1",
          trigger: { operationName: "root", kind: "server", tags: {} },
          tags: {},
          settle: (take) => void (spans = take()) as undefined,
        },
        () => client["get"]("early") as Promise<unknown>,
      ),
    )
    await answers
    const [root, get] = spans.toSorted((one, other) => other.operationName.localeCompare(one.operationName))
    expect(get?.operationName).toBe(`GET 127.0.0.1:${store.port}`)
    expect(get?.parentSpanId).toBe(root?.spanId)
    client.disconnect()
  })
})
