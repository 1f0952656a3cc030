import { describe, expect, it } from "vitest"
import { traced } from "../../src/amqplib.ts"
import { amqplibIntegration } from "../../src/integrations/amqplib.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { startStore } from "./stores.mjs"

interface Message {
  readonly content: Buffer
  readonly fields: { readonly routingKey: string }
  readonly properties: { readonly headers?: Record<string, unknown>; readonly messageId?: string }
}
interface Channel {
  assertQueue(name: string, options?: object): Promise<unknown>
  assertExchange(name: string, type: string, options?: object): Promise<unknown>
  bindQueue(queue: string, exchange: string, key: string): Promise<unknown>
  purgeQueue(name: string): Promise<unknown>
  checkQueue(name: string): Promise<unknown>
  publish(exchange: string, key: string, content: Buffer, options?: object, callback?: (error: unknown) => void): boolean
  sendToQueue(queue: string, content: Buffer, options?: object, callback?: (error: unknown) => void): boolean
  waitForConfirms(): Promise<void>
  consume(queue: string, callback: (message: Message | null) => unknown, options?: object): Promise<{ consumerTag: string }>
  cancel(tag: string): Promise<unknown>
  get(queue: string, options?: object): Promise<Message | false>
  ack(message: Message): void
  nack(message: Message, all: boolean, again: boolean): void
  close(): Promise<void>
  on(event: string, listener: (value: unknown) => void): void
}
interface Connection {
  createChannel(): Promise<Channel>
  createConfirmChannel(): Promise<Channel>
  close(): Promise<void>
  on(event: string, listener: (value: unknown) => void): void
}
interface Callbacks {
  createChannel(callback: (error: unknown, channel: Channel) => void): void
  close(callback: () => void): void
}
const { connect } = load<{ connect(url: string): Promise<Connection> }>("amqplib")

let port: number
let connection: Connection
const body = Buffer.from(SECRET)
const sent = (channel: Channel, queue: string, content: Buffer = body, options: object = {}) =>
  new Promise<void>((resolve, reject) => channel.sendToQueue(queue, content, options, (error) => (error ? reject(error) : resolve())))

behavesAsIntegration<Channel>({
  integration: amqplibIntegration,
  async start() {
    const store = await startStore("rabbitmq")
    port = store.port
    return store.stop
  },
  async connect() {
    connection = traced(await connect(`amqp://guest:guest@127.0.0.1:${port}`))
    const channel = await connection.createConfirmChannel()
    traced(channel)
    await channel.assertQueue("jobs")
    return channel
  },
  close: () => connection.close(),
  call: (channel) => sent(channel, "jobs"),
  span: {
    name: "publish jobs",
    tags: () => ({
      "span.kind": "producer",
      "messaging.system": "rabbitmq",
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
      "messaging.destination.name": "jobs",
      "messaging.rabbitmq.destination.routing_key": "jobs",
      "messaging.message.body.size": body.length,
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: async (channel) => channel.sendToQueue("jobs", "no buffer" as never),
  failure: { "error.kind": "TypeError", "error.message": "content is not a buffer" },

  async transcript(channel, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, value),
        (error) => write(`${what} failed`, error),
      )
    await settle(
      "queue",
      channel.assertQueue("other").then(() => "there"),
    )
    await channel.purgeQueue("jobs")
    for (let at = 0; at < 10; at++)
      await settle(`send ${at}`, sent(channel, "other", Buffer.from(`${at}`), { messageId: `m${at}`, headers: { mine: at } }))
    for (let at = 0; at < 5; at++) {
      const message = (await channel.get("other")) as Message
      write("got", String(message.content), message.properties.messageId, message.properties.headers?.["mine"])
      channel.ack(message)
    }
    let seen = 0
    const { consumerTag } = await new Promise<{ consumerTag: string }>((resolve) => {
      const consuming = channel.consume("other", (message) => {
        write("consumed", String(message?.content), message?.fields.routingKey)
        if (message) channel.ack(message)
        if (++seen === 5) void consuming.then(resolve)
      })
    })
    await settle(
      "cancel",
      channel.cancel(consumerTag).then(() => "cancelled"),
    )
    await settle("empty", channel.get("other"))
    const headers = { mine: 1 }
    write("gives", channel.publish("", "other", body, { headers }))
    write("their headers", headers)
    await channel.waitForConfirms()
    await settle(
      "exchange",
      channel.assertExchange("news", "topic", { durable: false }).then(() => "there"),
    )
    await channel.bindQueue("other", "news", "*.eu")
    channel.publish("news", "shop.eu", body)
    await channel.waitForConfirms()
    write(
      "routed",
      ((await channel.get("other", { noAck: true })) as Message).fields.routingKey,
      ((await channel.get("other", { noAck: true })) as Message).fields.routingKey,
    )
    await settle("no buffer", (async () => channel.sendToQueue("jobs", "no buffer" as never))())
    const broken = await connection.createChannel()
    broken.on("error", (error) => write("channel error", (error as Error).message.slice(0, 40)))
    await settle(
      "no such queue",
      broken.checkQueue("nowhere").catch((error) => Promise.reject((error as Error).message.slice(0, 40))),
    )
    await settle(
      "closed",
      (async () => broken.sendToQueue("jobs", body))().catch((error) => Promise.reject((error as Error).message)),
    )
  },
  reset: (channel) => channel.purgeQueue("jobs"),
})

describe("amqplib", () => {
  it("traces channels that were made before anything was watched, by promise and by callback", async () => {
    const store = await startStore("rabbitmq")
    const url = `amqp://guest:guest@127.0.0.1:${store.port}`
    const callbacks = load<{ connect(url: string, callback: (error: unknown, connection: Callbacks) => void): void }>(
      "amqplib/callback_api",
    )
    const promised = traced(await connect(url))
    const channels: Channel[] = [await promised.createChannel(), await promised.createConfirmChannel()]
    const called = await new Promise<Callbacks>((resolve) => callbacks.connect(url, (_, made) => resolve(traced(made))))
    channels.push(await new Promise((resolve) => called.createChannel((_, made) => resolve(made))))
    const recording = new Recording().watch(amqplibIntegration)
    for (const channel of channels) {
      const { spans } = await recording.children(() => channel.publish("amq.fanout", "", body))
      expect(spans.map(({ operationName }) => operationName)).toEqual(["publish amq.fanout"])
    }
    recording.unwatch()
    await promised.close()
    await new Promise<void>((resolve) => called.close(() => resolve()))
    await store.stop()
  }, 60_000)

  it("carries the trace in the headers of a message, and links what processes it to what has sent it", async () => {
    const store = await startStore("rabbitmq")
    const recording = new Recording().watch(amqplibIntegration)
    const connection = traced(await connect(`amqp://guest:guest@127.0.0.1:${store.port}`))
    const channel = await connection.createChannel()
    await channel.assertQueue("jobs")
    const mine = { mine: "1" }
    const { spans: published } = await recording.children(() => channel.sendToQueue("jobs", body, { headers: mine }))
    expect(mine).toEqual({ mine: "1" })
    let message: Message | null = null
    const { spans: processed } = await recording.children(async (parent) => {
      await new Promise<void>((resolve) => {
        void channel.consume("jobs", async (given) => {
          message = given
          expect(recording.tracer.activeSpan?.context().traceId).toBe(parent.context().traceId)
          await new Promise((later) => setTimeout(later, 20))
          resolve()
        })
      })
    })
    expect((message as Message | null)?.properties.headers).toEqual({ mine: "1", traceparent: traceparentOf(published[0]) })
    expect(processed.map((span) => [span.operationName, tagsOf(span)["span.kind"], span.links.map(({ spanId }) => spanId)])).toEqual([
      ["process jobs", "consumer", [published[0]?.spanId]],
    ])
    // Until the consumer's promise has settled.
    expect(processed[0]?.durationUs).toBeGreaterThan(15_000)
    recording.unwatch()
    await connection.close()
    await store.stop()
  }, 60_000)
})
