import { createRequire } from "node:module"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { traced } from "../../src/aws.ts"
import { injectInto } from "../../src/integrations/_aws-inject.ts"
import { awsClientIntegration } from "../../src/integrations/aws-client.ts"
import { httpClient, withAws } from "../../src/integrations/aws-sdk.ts"
import { httpIntegration } from "../../src/integrations/http.ts"
import { type AwsServer, CREDENTIALS, startAws } from "./_aws-server.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"
import { requireClients } from "./fixtures/aws/place.mjs"

const load = createRequire(join(requireClients(), "package.json"))
// biome-ignore lint/suspicious/noExplicitAny: the clients are installed apart from the project, without types.
type Any = any
const sqs = load("@aws-sdk/client-sqs") as Any

let aws: AwsServer
let recording: Recording
let client: Any

beforeAll(async () => {
  aws = await startAws()
  recording = new Recording()
  recording.watch(withAws(httpIntegration, httpClient))
  client = traced(new sqs.SQSClient({ region: "eu-west-1", endpoint: aws.url, credentials: CREDENTIALS, md5: false }))
  recording.watch(awsClientIntegration as Any)
})
afterEach(() => {
  aws.answer = undefined
  aws.received.length = 0
})
afterAll(async () => {
  recording.unwatch()
  await aws.close()
})

const send = (more: object = {}) =>
  client.send(new sqs.SendMessageCommand({ QueueUrl: `${aws.url}/1/orders`, MessageBody: "hello", ...more }))
const sent = () => JSON.parse(String(aws.received[0]?.body)) as Any

describe("a client that is traced from within", () => {
  it("makes one span, which carries itself in an attribute and in the header", async () => {
    const { spans } = await recording.children(() => send())
    expect(spans).toHaveLength(1)
    expect(spans[0]).toMatchObject({ operationName: "SendMessage orders" })
    expect(tagsOf(spans[0])).toMatchObject({
      "messaging.destination.name": "orders",
      "messaging.message.id": "sqs-message-1",
      "http.response.status_code": 200,
      "span.kind": "producer",
    })
    expect(sent().MessageAttributes.traceparent).toEqual({ DataType: "String", StringValue: traceparentOf(spans[0]) })
    expect(aws.received[0]).toMatchObject({ fault: undefined })
    expect(aws.received[0]?.headers["x-amzn-trace-id"]).toContain(spans[0]?.spanId)
  })
  it("is still one span after a retry", async () => {
    let calls = 0
    aws.answer = () => (++calls === 1 ? { status: 500 } : undefined)
    const { spans } = await recording.children(() => send())
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])).toMatchObject({ "http.request.resend_count": 1, "http.response.status_code": 200 })
  })
  it("fails with the error of the SDK, untouched", async () => {
    aws.answer = () => ({
      status: 400,
      headers: { "content-type": "application/x-amz-json-1.0" },
      body: '{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}',
    })
    const { spans, thrown } = await recording.children(() => send())
    expect(thrown).toMatchObject({ name: "QueueDoesNotExist" })
    expect(tagsOf(spans[0])).toMatchObject({ error: true, "error.kind": "QueueDoesNotExist", "http.response.status_code": 400 })
  })
  it("leaves the context out where ten attributes are taken, counts it, and sends", async () => {
    const MessageAttributes = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`a${n}`, { DataType: "String", StringValue: "x" }]))
    const { spans } = await recording.children(() => send({ MessageAttributes }))
    expect(tagsOf(spans[0])).toMatchObject({ "aws.context.left_out": 1, "http.response.status_code": 200 })
    expect(Object.keys(sent().MessageAttributes)).toHaveLength(10)
  })
  it("never changes what the program gave it", async () => {
    const command = new sqs.SendMessageCommand(
      Object.freeze({ QueueUrl: `${aws.url}/1/orders`, MessageBody: "x", MessageAttributes: Object.freeze({}) }),
    )
    const { thrown } = await recording.children(() => client.send(command))
    expect(thrown).toBeUndefined()
    expect(command.input.MessageAttributes).toEqual({})
  })
  it("is found by itself where the SDK is not bundled", async () => {
    const plain = new sqs.SQSClient({ region: "eu-west-1", endpoint: aws.url, credentials: CREDENTIALS, md5: false })
    const { spans } = await recording.children(() =>
      plain.send(new sqs.SendMessageCommand({ QueueUrl: `${aws.url}/1/orders`, MessageBody: "x" })),
    )
    expect(spans).toHaveLength(1)
    expect(sent().MessageAttributes.traceparent.StringValue).toBe(traceparentOf(spans[0]))
  })
})

const headers = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` }
const inject = (command: string, input: object, intoPayloads = true) =>
  injectInto(command, input, headers, intoPayloads) as { input: Any; leftOut: number }
const attribute = { DataType: "String", StringValue: headers.traceparent }
const cost = "traceparent".length + "String".length + headers.traceparent.length

describe("what has room for the context", () => {
  it("messages: to the last byte of 256 KiB", () => {
    const fits = { MessageBody: "x".repeat(262_144 - cost) }
    expect(inject("SendMessageCommand", fits).input.MessageAttributes).toEqual({ traceparent: attribute })
    const full = { MessageBody: `${fits.MessageBody}x` }
    expect(inject("SendMessageCommand", full)).toEqual({ input: full, leftOut: 1 })
    expect(inject("SendMessageCommand", full).input).toBe(full)
  })
  it("messages: beside nine attributes, in bytes and not in characters", () => {
    const nine = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`ä${n}`, attribute]))
    expect(Object.keys(inject("PublishCommand", { Message: "m", MessageAttributes: nine }).input.MessageAttributes)).toHaveLength(10)
    expect(inject("PublishCommand", { Message: "ä".repeat(131_072) }).leftOut).toBe(1)
  })
  it("messages: a context of the user's own stays", () => {
    const own = { MessageBody: "x", MessageAttributes: { traceparent: { DataType: "String", StringValue: "mine" } } }
    expect(inject("SendMessageCommand", own)).toMatchObject({ input: own, leftOut: 0 })
  })
  it("batches: entry by entry, within the room that they share", () => {
    const body = "x".repeat(131_072 - cost)
    const { input, leftOut } = inject("SendMessageBatchCommand", {
      QueueUrl: "q",
      Entries: [
        { Id: "1", MessageBody: body },
        { Id: "2", MessageBody: body },
        { Id: "3", MessageBody: "" },
      ],
    })
    expect(input.Entries.map(({ MessageAttributes }: Any) => MessageAttributes !== undefined)).toEqual([true, true, false])
    expect(leftOut).toBe(1)
    expect(
      inject("PublishBatchCommand", { PublishBatchRequestEntries: [{ Id: "1", Message: "m" }] }).input.PublishBatchRequestEntries[0]
        .MessageAttributes,
    ).toEqual({ traceparent: attribute })
  })
  it("EventBridge: first in the detail, which stays JSON", () => {
    const { input } = inject("PutEventsCommand", { Entries: [{ Detail: '{"a":1}' }, { Detail: "{}" }, { Detail: "[1]" }] })
    expect(input.Entries.slice(0, 2).map(({ Detail }: Any) => JSON.parse(Detail))).toEqual([
      { _traceContext: headers, a: 1 },
      { _traceContext: headers },
    ])
    expect(input.Entries[2].Detail).toBe("[1]")
  })
  it("Kinesis: JSON objects alone", () => {
    const { input, leftOut } = inject("PutRecordsCommand", {
      Records: [
        { Data: Buffer.from('{"a":"ä"}'), PartitionKey: "1" },
        { Data: Buffer.from([1, 2]), PartitionKey: "1" },
      ],
    })
    expect(JSON.parse(new TextDecoder().decode(input.Records[0].Data))).toEqual({ _traceContext: headers, a: "ä" })
    expect(leftOut).toBe(1)
    expect(inject("PutRecordCommand", { Data: Buffer.from(`{"a":"${"x".repeat(1_048_500)}"}`), PartitionKey: "1" }).leftOut).toBe(1)
  })
  it("Step Functions: in the input, also where there is none", () => {
    expect(JSON.parse(inject("StartExecutionCommand", { stateMachineArn: "a", input: '{ "a": 1 }' }).input.input)).toEqual({
      _traceContext: headers,
      a: 1,
    })
    expect(JSON.parse(inject("StartExecutionCommand", { stateMachineArn: "a" }).input.input)).toEqual({ _traceContext: headers })
  })
  it("Lambda: the client context of a synchronous invocation, up to 3,583 bytes", () => {
    const decode = (input: Any) => JSON.parse(Buffer.from(input.ClientContext, "base64").toString()) as Any
    const given = Buffer.from('{"client":{"id":1},"custom":{"a":1}}').toString("base64")
    expect(decode(inject("InvokeCommand", { FunctionName: "f", ClientContext: given }).input)).toEqual({
      client: { id: 1 },
      custom: { a: 1, ...headers },
    })
    expect(inject("InvokeCommand", { FunctionName: "f", InvocationType: "Event" }).input).not.toHaveProperty("ClientContext")
    const roomy = (length: number) => ({
      ClientContext: Buffer.from(JSON.stringify({ custom: { a: "x".repeat(length) } })).toString("base64"),
    })
    let most = 0
    for (let length = 2500; length < 2700; length++) {
      const { input, leftOut } = inject("InvokeCommand", roomy(length))
      if (leftOut === 0) most = Math.max(most, input.ClientContext.length)
    }
    expect(most).toBeGreaterThan(3500)
    expect(most).toBeLessThanOrEqual(3583)
    expect(inject("InvokeCommand", { ClientContext: "no base64 of JSON" })).toMatchObject({ leftOut: 1 })
  })
  it("payloads only where that was asked for", () => {
    const input = { Entries: [{ Detail: "{}" }] }
    expect(inject("PutEventsCommand", input, false)).toEqual({ input, leftOut: 0 })
  })
})
