import { describe, expect, it } from "vitest"
import { kafkajsIntegration } from "../../src/integrations/kafkajs.ts"
import { traced } from "../../src/kafkajs.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { startStore } from "./stores.mjs"

interface Message {
  readonly key?: string | Buffer | null
  readonly value: string | Buffer | null
  readonly partition?: number
  readonly offset?: string
  readonly headers?: Record<string, string | Buffer>
}
interface Sender {
  send(sending: { topic: string; messages: readonly Message[]; acks?: number }): Promise<readonly object[]>
  sendBatch(sending: { topicMessages: readonly { topic: string; messages: readonly Message[] }[] }): Promise<readonly object[]>
}
interface Transaction extends Sender {
  commit(): Promise<void>
  abort(): Promise<void>
  isActive(): boolean
}
interface Producer extends Sender {
  connect(): Promise<void>
  disconnect(): Promise<void>
  transaction(): Promise<Transaction>
}
interface Batch {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly Message[]
}
interface Consumer {
  connect(): Promise<void>
  disconnect(): Promise<void>
  subscribe(options: { topics: readonly string[]; fromBeginning: boolean }): Promise<void>
  run(options: {
    eachMessage?(given: { topic: string; partition: number; message: Message }): Promise<void>
    eachBatch?(given: { batch: Batch }): Promise<void>
  }): Promise<void>
}
interface Kafka {
  producer(options?: object): Producer
  consumer(options: { groupId: string }): Consumer
}
const { Kafka, logLevel, Partitioners } = load<{
  Kafka: new (options: object) => Kafka
  logLevel: { NOTHING: number }
  Partitioners: { DefaultPartitioner: unknown }
}>("kafkajs")

// Against a double: librdkafka's mock brokers speak Kafka's protocol, keep messages, groups and transactions, and check little.
let brokers: string[]
const client = () => traced(new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 1 } }))
const connected = async (options: object = {}) => {
  const producer = client().producer({ createPartitioner: Partitioners.DefaultPartitioner, ...options })
  await producer.connect()
  return producer
}
const message = (value: string | null = SECRET): Message => ({ key: SECRET, value, partition: 0 })
let groups = 0

/** Reads a topic from its beginning, until `count` messages were given; leaves before it returns. */
async function consume(topic: string, count: number, kind: "eachMessage" | "eachBatch", look: (given: Batch) => unknown): Promise<void> {
  const consumer = client().consumer({ groupId: `group${groups++}` })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  let seen = 0
  await new Promise<void>((resolve, reject) => {
    const taken = async (batch: Batch) => {
      await look(batch)
      seen += batch.messages.length
      if (seen >= count) resolve()
    }
    const each =
      kind === "eachMessage"
        ? { eachMessage: (given: { topic: string; partition: number; message: Message }) => taken({ ...given, messages: [given.message] }) }
        : { eachBatch: ({ batch }: { batch: Batch }) => taken(batch) }
    consumer.run(each).catch(reject)
  })
  await consumer.disconnect()
}

let runs = 0
let start: string

behavesAsIntegration<Producer>({
  integration: kafkajsIntegration,
  async start() {
    const store = await startStore("kafka")
    brokers = [`127.0.0.1:${store.port}`]
    return store.stop
  },
  connect: () => connected(),
  close: (producer) => producer.disconnect(),
  call: (producer) => producer.send({ topic: "jobs", messages: [message()] }).then((sent) => sent.length),
  span: {
    name: "send jobs",
    tags: () => ({
      "span.kind": "producer",
      "messaging.system": "kafka",
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
      "messaging.destination.name": "jobs",
      "messaging.message.body.size": SECRET.length,
    }),
  },
  // The error quotes the message.
  fail: (producer) => producer.send({ topic: "jobs", messages: [{ key: SECRET, value: undefined as never }] }),
  failure: {
    "error.kind": "KafkaJSNonRetriableError",
    "error.message": "Invalid message without value for topic ?}",
    "messaging.destination.name": "jobs",
  },

  async transcript(producer, write) {
    // Topics are not emptied: each run has its own.
    const topic = `run${runs++}`
    start = ""
    const named = (text: unknown) => String(text).replaceAll(topic, "run")
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, named(JSON.stringify(value ?? start))),
        (error) => write(`${what} failed`, (error as Error).name, named((error as Error).message)),
      )
    for (let at = 0; at < 10; at++) await settle(`send ${at}`, producer.send({ topic, messages: [message(`${at}`)] }))
    const headers = { mine: "1", bytes: Buffer.from("2") }
    const messages = [{ ...message("with headers"), headers }, message(null)]
    await settle("several", producer.send({ topic, messages }))
    await settle(
      "batch",
      producer.sendBatch({
        topicMessages: [
          { topic, messages: [message("x")] },
          { topic: `${topic}b`, messages },
        ],
      }),
    )
    write("their headers", Object.keys(headers), messages.length, Object.keys(messages[1] ?? {}))
    await settle("no topic", producer.send({ topic: "", messages }))
    await settle("no messages", producer.send({ topic } as never))
    await settle("nothing", producer.send({ topic, messages: [] }))
    await settle("no value", producer.send({ topic, messages: [{ key: "k" } as never] }))
    await settle("no list", producer.sendBatch({ topicMessages: { topic } as never }))
    await settle("no message", producer.send({ topic, messages: [null as never] }))
    await settle("no options", (async () => producer.send(undefined as never))())
    const sender = await connected({ transactionalId: topic, maxInFlightRequests: 1 })
    const transaction = await sender.transaction()
    write("methods", Object.keys(transaction), transaction.isActive())
    await settle("in a transaction", transaction.send({ topic, messages: [message("t")] }))
    await settle("two at once", sender.transaction())
    await settle("commit", transaction.commit())
    await settle("after the end", transaction.send({ topic, messages: [message("t")] }))
    await settle("no transactional id", producer.transaction())
    await sender.disconnect()
    await settle("disconnected", sender.send({ topic, messages: [message("t")] }))
    const seen: unknown[] = []
    await consume(topic, 14, "eachMessage", ({ partition, messages: [given] }) => {
      seen.push([partition, given?.offset, String(given?.value), String(given?.headers?.["mine"])])
    })
    for (const each of seen) write("consumed", each)
  },
})

describe("kafkajs", () => {
  it("carries the trace in the headers of messages, and links what processes them to what has sent them", async () => {
    const store = await startStore("kafka")
    brokers = [`127.0.0.1:${store.port}`]
    const recording = new Recording().watch(kafkajsIntegration)
    const producer = await connected()
    const own = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }
    const { spans: first } = await recording.children(() => producer.send({ topic: "jobs", messages: [message("1"), message("2")] }))
    const { spans: second } = await recording.children(() => producer.send({ topic: "jobs", messages: [message("3")] }))
    await producer.send({ topic: "jobs", messages: [{ ...message("4"), headers: own }] })
    expect(tagsOf(first[0])["messaging.batch.message_count"]).toBe(2)

    const carried: unknown[] = []
    const { spans: each } = await recording.children(async (parent) => {
      await consume("jobs", 4, "eachMessage", async ({ messages: [given] }) => {
        carried.push(String(given?.headers?.["traceparent"]))
        expect(recording.tracer.activeSpan?.context().traceId).toBe(parent.context().traceId)
        await new Promise((later) => setTimeout(later, 20))
      })
    }, 4)
    const sent = [traceparentOf(first[0]), traceparentOf(first[0]), traceparentOf(second[0]), own.traceparent]
    expect(carried).toEqual(sent)
    expect(each.map(({ links }) => links.map(({ spanId }) => spanId))).toEqual(sent.map((header) => [header.slice(36, 52)]))
    expect(each.map((span) => [span.operationName, tagsOf(span)["messaging.kafka.offset"]])).toEqual(
      [0, 1, 2, 3].map((offset) => ["process jobs", offset]),
    )
    // Until the promise of the user's function has settled.
    expect(Math.min(...each.map(({ durationUs }) => durationUs ?? 0))).toBeGreaterThan(15_000)

    // A batch is what was fetched at once.
    const { spans: batches } = await recording.children(() => consume("jobs", 4, "eachBatch", () => {}), 2)
    expect(tagsOf(batches[0])).toMatchObject({
      "span.kind": "consumer",
      "messaging.batch.message_count": 2,
      "messaging.destination.partition.id": "0",
      "messaging.consumer.group.name": expect.stringMatching(/^group\d+$/),
    })
    // Both were sent by one call.
    expect(batches[0]?.links.map(({ spanId }) => spanId)).toEqual([first[0]?.spanId])
    recording.unwatch()
    await producer.disconnect()
    await store.stop()
  }, 60_000)

  it("tells of what the user's function throws, and the message is given once more", async () => {
    const store = await startStore("kafka")
    brokers = [`127.0.0.1:${store.port}`]
    const recording = new Recording().watch(kafkajsIntegration)
    const producer = await connected()
    await producer.send({ topic: "jobs", messages: [message("1")] })
    let given = 0
    const { spans } = await recording.children(
      () =>
        consume("jobs", 1, "eachMessage", () => {
          if (++given === 1) throw new Error("theirs")
        }),
      2,
    )
    expect(spans.map((span) => tagsOf(span)["error.message"])).toEqual(["theirs", undefined])
    recording.unwatch()
    await producer.disconnect()
    await store.stop()
  }, 60_000)
})
