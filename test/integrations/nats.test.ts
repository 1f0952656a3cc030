import { describe, expect, it } from "vitest"
import { natsIntegration } from "../../src/integrations/nats.ts"
import { traced } from "../../src/nats.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { startStore } from "./stores.mjs"

interface Headers {
  set(name: string, value: string): void
  get(name: string): string
  keys(): string[]
}
interface Message {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers?: Headers
  respond(data?: Uint8Array | string): boolean
}
interface Subscription extends AsyncIterable<Message> {
  unsubscribe(max?: number): void
}
interface Connection {
  publish(subject: string, data?: string | Uint8Array, options?: { headers?: Headers }): void
  request(subject: string, data?: string | Uint8Array, options?: object): Promise<Message>
  subscribe(subject: string, options?: { max?: number; callback?: (error: unknown, message: Message) => void }): Subscription
  flush(): Promise<void>
  close(): Promise<void>
}
const { connect, headers } = load<{ connect(options: object): Promise<Connection>; headers(): Headers }>("nats")
const text = (message: Message) => Buffer.from(message.data).toString()

let port: number

behavesAsIntegration<Connection>({
  integration: natsIntegration,
  async start() {
    const store = await startStore("nats")
    port = store.port
    return store.stop
  },
  async connect() {
    const connection = traced(await connect({ servers: `127.0.0.1:${port}` }))
    connection.subscribe("echo", { callback: (_, message) => message.respond(message.data) })
    await connection.flush()
    return connection
  },
  close: (connection) => connection.close(),
  call: (connection) => connection.request("echo", SECRET).then(text),
  span: {
    name: "request echo",
    tags: () => ({
      "span.kind": "producer",
      "messaging.system": "nats",
      "messaging.operation.name": "request",
      "messaging.operation.type": "send",
      "messaging.destination.name": "echo",
      "messaging.message.body.size": SECRET.length,
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: (connection) => connection.request("nobody", SECRET),
  failure: { "error.kind": "503" },

  async transcript(connection, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, value),
        (error) => write(`${what} failed`, error),
      )
    const heard = connection.subscribe("news.*", { max: 12 })
    const reading = (async () => {
      for await (const message of heard) write("heard", message.subject, text(message), message.headers?.get("mine") || undefined)
    })()
    const mine = headers()
    mine.set("mine", "1")
    for (let at = 0; at < 10; at++) write("gives", connection.publish(`news.${at}`, `${SECRET}${at}`))
    connection.publish("news.headers", SECRET, { headers: mine })
    connection.publish("news.empty")
    await reading
    write("their headers", mine.keys())
    for (let at = 0; at < 8; at++) await settle(`request ${at}`, connection.request("echo", `${at}`).then(text))
    await settle("own inbox", connection.request("echo", "x", { noMux: true, timeout: 500 }).then(text))
    await settle("nobody", connection.request("nobody", "x", { timeout: 500 }))
    connection.subscribe("silent", { callback: () => {} })
    await settle("timeout", connection.request("silent", "x", { timeout: 30 }))
    await settle("no subject", (async () => connection.publish(""))())
    await settle("bad payload", (async () => connection.publish("a", 5 as never))())
    await new Promise<void>((resolve) => {
      const subscription = connection.subscribe("once", {
        callback(error, message) {
          write("called", error, text(message))
          subscription.unsubscribe()
          resolve()
        },
      })
      connection.publish("once", "x")
    })
    const closed = traced(await connect({ servers: `127.0.0.1:${port}` }))
    await closed.close()
    await settle("closed", (async () => closed.publish("a"))())
    await settle("closed request", closed.request("a"))
  },
})

describe("nats", () => {
  it("carries the trace in the headers of a message, and links what processes it to what has sent it", async () => {
    const store = await startStore("nats")
    const recording = new Recording().watch(natsIntegration)
    const connection = traced(await connect({ servers: `127.0.0.1:${store.port}` }))
    let given: Message | undefined
    const mine = headers()
    mine.set("mine", "1")
    const { spans } = await recording.children(async () => {
      const heard = new Promise<Message>((resolve) => void connection.subscribe("jobs", { callback: (_, message) => resolve(message) }))
      connection.publish("jobs", SECRET, { headers: mine })
      given = await heard
    }, 2)
    const published = spans.find(({ operationName }) => operationName === "publish jobs")
    const processed = spans.find(({ operationName }) => operationName === "process jobs")
    expect([given?.headers?.get("mine"), given?.headers?.get("traceparent"), mine.keys()]).toEqual([
      "1",
      traceparentOf(published),
      ["mine"],
    ])
    expect(tagsOf(processed)["span.kind"]).toBe("consumer")
    expect(processed?.links.map(({ spanId }) => spanId)).toEqual([published?.spanId])
    recording.unwatch()
    await connection.close()
    await store.stop()
  })
})
