import { AsyncLocalStorage } from "node:async_hooks"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Integration, SpanRecord } from "../../src/core/contracts.ts"
import { invoke } from "../../src/core/invoke.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { behavesAsIntegration, SECRET, settling } from "./_suite.ts"
import { type Store, startStore } from "./stores.mjs"

/** The commands of a transaction or a pipeline, gathered. */
interface Batch {
  set(key: string, value: string): Batch
  get(key: string): Batch
  incr(key: string): Batch
}
type Write = (what: string, ...values: unknown[]) => void

/** One Redis client, one version of it: how it does what all do. */
export interface RedisSubject<Client> {
  // biome-ignore lint/suspicious/noExplicitAny: of any client.
  readonly integration: Integration<any, any>
  /** A client that connects by itself, or has been told to. */
  connect(port: number, database?: number): Client
  /** Settles when the client can be used. */
  ready(client: Client): Promise<unknown>
  close(client: Client): void
  /** A command by its name, in small letters. */
  run(client: Client, command: string, ...args: unknown[]): Promise<unknown>
  /** Any words. */
  send(client: Client, ...words: string[]): Promise<unknown>
  multi(client: Client): Batch
  exec(batch: Batch): Promise<unknown>
  /** Sends two commands as a pipeline; gives the operations of its spans. */
  pipeline(client: Client, fill: (batch: Batch) => Batch): Promise<unknown>
  readonly pipelineSpans: (readonly [operation: string, size: number | undefined])[]
  script(client: Client, text: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
  scan(client: Client, pattern: string): AsyncIterable<string[]>
  /** Subscribes a client of its own, and gives the first message that comes once `publish` has run. */
  hear(client: Client, channel: string, publish: () => Promise<unknown>): Promise<string>
  /** Whether a command that was never sent has a span. ioredis publishes a command when it sends it. */
  readonly tellsRefused: boolean
  /** What only this client has. */
  more?(client: Client, write: Write): Promise<void>
}

export function behavesAsRedis<Client>(subject: RedisSubject<Client>): void {
  const { integration, run, send } = subject
  let port: number
  const connected = async (at = port, database?: number) => {
    const client = subject.connect(at, database)
    await subject.ready(client)
    return client
  }

  behavesAsIntegration<Client>({
    integration,
    async start() {
      const store = await startStore("redis")
      port = store.port
      return store.stop
    },
    connect: () => connected(),
    close: (client) => subject.close(client),
    call: (client) => run(client, "set", SECRET, SECRET),
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
    fail: (client) => send(client, "NOSUCH", SECRET),
    failure: { "db.response.status_code": "ERR", "error.message": "ERR unknown command ?" },

    async transcript(client, write) {
      const settle = settling(write)
      for (let at = 0; at < 10; at++) await settle(`set ${at}`, run(client, "set", `key${at}`, `${SECRET}${at}`))
      await Promise.all(Array.from({ length: 10 }, (_, at) => settle(`get ${at}`, run(client, "get", `key${at}`))))
      await settle("wrong type", run(client, "lpush", "key0", SECRET))
      await settle("unknown", send(client, "NOSUCH", SECRET))
      await settle("hash", run(client, "hset", "hash", { field: SECRET, other: "1" }))
      await settle("hash all", run(client, "hgetall", "hash"))
      await settle("multi", subject.exec(subject.multi(client).set("a", "1").incr("a").get("a")))
      await settle("multi with an error", subject.exec(subject.multi(client).set("b", "x").incr("b")))
      await settle(
        "pipeline",
        subject.pipeline(client, (batch) => batch.set("a", SECRET).get("a")),
      )
      await settle("script", subject.script(client, "return {KEYS[1], ARGV[1]}", ["k"], [SECRET]))
      await settle("script error", subject.script(client, "return redis.error_reply('MINE no')", [], []))
      for await (const keys of subject.scan(client, "key*")) for (const key of keys) if (key === "key7") write("scanned", key)
      await settle("blocking", run(client, "blpop", "nothing", 0.01))
      write("heard", await subject.hear(client, "channel", () => run(client, "publish", "channel", SECRET)))
      await subject.more?.(client, write)
      const closed = await connected()
      subject.close(closed)
      await settle("closed", run(closed, "get", "key0"))
    },
    reset: (client) => run(client, "flushall"),
  })

  describe("as every Redis client", () => {
    let store: Store
    let recording: Recording
    beforeAll(async () => {
      store = await startStore("redis")
      recording = new Recording().watch(integration)
    })
    afterAll(async () => {
      recording.unwatch()
      await store.stop()
    })

    it("makes one span of a transaction, whatever its length, and those of a pipeline", async () => {
      const client = await connected(store.port, 3)
      const { spans } = await recording.children(async () => {
        await subject.exec(subject.multi(client).set("a", SECRET).get("a"))
        await subject.pipeline(client, (batch) => batch.set("a", SECRET).get("a"))
      }, 1 + subject.pipelineSpans.length)
      expect(spans.map((span) => [tagsOf(span)["db.operation.name"], tagsOf(span)["db.operation.batch.size"]])).toEqual([
        ["MULTI", 2],
        ...subject.pipelineSpans,
      ])
      expect(spans.map((span) => tagsOf(span)["db.namespace"])).toEqual(spans.map(() => "3"))
      subject.close(client)
    })

    it("ends with an error what waits when the connection is lost", async () => {
      const client = await connected(store.port)
      const { spans, thrown } = await recording.children(async () => {
        const waiting = run(client, "blpop", "nothing", 0)
        setTimeout(() => subject.close(client), 20)
        await waiting
      })
      expect(thrown).toBeInstanceOf(Error)
      expect(tagsOf(spans[0])).toMatchObject({ error: true, "db.operation.name": "BLPOP" })
    })

    it("leaves out what a client says to introduce itself, and gives what has waited for the connection to the invocation", async () => {
      let spans: SpanRecord[] = []
      // As a function does it: a client made while the module loads.
      const client = new AsyncLocalStorage().exit(() => subject.connect(store.port))
      const settle = (take: () => SpanRecord[]) => void (spans = take()) as undefined
      const trigger = { operationName: "root", kind: "server", tags: {} } as const
      await invoke({ tracer: recording.tracer, id: "1", trigger, tags: {}, settle }, () => run(client, "get", "early"))
      const [root, ...others] = spans.toSorted((one, other) => other.operationName.localeCompare(one.operationName))
      expect(others.map(({ operationName }) => operationName)).toEqual([`GET 127.0.0.1:${store.port}`])
      expect(others[0]?.parentSpanId).toBe(root?.spanId)
      subject.close(client)
    })

    it(`${subject.tellsRefused ? "tells of" : "has nothing to tell of"} a command whose connection is refused`, async () => {
      const client = subject.connect(1)
      const { spans, thrown } = await recording.children(() => run(client, "get", SECRET), subject.tellsRefused ? 1 : 0)
      expect(thrown).toBeInstanceOf(Error)
      expect(spans.map((span) => [tagsOf(span)["error"], tagsOf(span)["db.operation.name"]])).toEqual(
        subject.tellsRefused ? [[true, "GET"]] : [],
      )
      subject.close(client)
    })
  })
}
