import { mkdtempSync } from "node:fs"
import { createRequire } from "node:module"
import type { AddressInfo, Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { traced } from "../../src/aws.ts"
import { awsClientIntegration } from "../../src/integrations/aws-client.ts"
import { httpClient, withAws } from "../../src/integrations/aws-sdk.ts"
import { httpIntegration } from "../../src/integrations/http.ts"
import { triggerOf } from "../../src/platforms/lambda/trigger.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { requireClients } from "./fixtures/aws/place.mjs"

const folder = requireClients()
const load = createRequire(join(folder, "package.json"))
// biome-ignore lint/suspicious/noExplicitAny: these packages are installed apart from the project, without types.
type Any = any

let recording: Recording
const closing: (() => unknown)[] = []
const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" }
const common = (port: number) => ({ region: "eu-west-1", endpoint: `http://127.0.0.1:${port}`, credentials })

beforeAll(() => {
  recording = new Recording()
  recording.watch(withAws(httpIntegration, httpClient)).watch(awsClientIntegration as Any)
})
afterAll(async () => {
  recording.unwatch()
  for (const close of closing) await close()
})

describe("servers that are not ours", () => {
  it("dynalite, in place of DynamoDB: found, not found, and not there", async () => {
    const server = (load("dynalite") as Any)({ createTableMs: 0 }) as Server
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    closing.push(() => server.close())
    const sdk = load("@aws-sdk/client-dynamodb") as Any
    const client = new sdk.DynamoDBClient(common((server.address() as AddressInfo).port))
    closing.push(() => client.destroy())
    await client.send(
      new sdk.CreateTableCommand({
        TableName: "orders",
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
      }),
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    const { spans } = await recording.children(async () => {
      await client.send(new sdk.PutItemCommand({ TableName: "orders", Item: { id: { S: "1" } }, ReturnConsumedCapacity: "TOTAL" }))
      await client.send(new sdk.ScanCommand({ TableName: "orders" }))
      await client.send(new sdk.GetItemCommand({ TableName: "nowhere", Key: { id: { S: "1" } } })).catch(() => {})
    }, 3)
    expect(spans.map(({ operationName }) => operationName)).toEqual(["DynamoDB.PutItem", "DynamoDB.Scan", "DynamoDB.GetItem"])
    expect(tagsOf(spans[0])["aws.dynamodb.consumed_capacity"]).toEqual(['{"CapacityUnits":1,"TableName":"orders"}'])
    expect(tagsOf(spans[1])).toMatchObject({ "aws.dynamodb.count": 1, "aws.dynamodb.scanned_count": 1 })
    expect(tagsOf(spans[2])).toMatchObject({
      error: true,
      "error.type": "ResourceNotFoundException",
      "aws.dynamodb.table_names": ["nowhere"],
    })
  })

  it("s3rver, in place of S3, which checks signatures itself", async () => {
    const S3rver = load("s3rver") as Any
    const server = new S3rver({
      port: 0,
      address: "127.0.0.1",
      silent: true,
      directory: mkdtempSync(join(tmpdir(), "s3rver-")),
      configureBuckets: [{ name: "pictures" }],
    })
    const { port } = (await server.run()) as AddressInfo
    closing.push(() => server.close())
    const sdk = load("@aws-sdk/client-s3") as Any
    const client = new sdk.S3Client({ ...common(port), forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED" })
    closing.push(() => client.destroy())
    const { spans, thrown, value } = await recording.children(async () => {
      await client.send(new sdk.PutObjectCommand({ Bucket: "pictures", Key: "a/b c.txt", Body: "content" }))
      const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: "pictures", Key: "a/b c.txt" }))
      const text = await Body.transformToString()
      await client.send(new sdk.GetObjectCommand({ Bucket: "pictures", Key: "none" })).catch(() => {})
      return text
    }, 3)
    expect([thrown, value]).toEqual([undefined, "content"])
    expect(spans.map(({ operationName }) => operationName)).toEqual(["S3.PutObject", "S3.GetObject", "S3.GetObject"])
    expect(tagsOf(spans[2])).toMatchObject({
      error: true,
      "error.type": "NoSuchKey",
      "http.response.status_code": 404,
      "aws.s3.bucket": "pictures",
    })
  })

  it("fauxqs, in place of SQS and SNS: what a traced client sends is what a function reads", async () => {
    const { startFauxqs } = (await import(pathToFileURL(join(folder, "node_modules/fauxqs/dist/app.js")).href)) as Any
    const server = await startFauxqs({ port: 0, logger: false, defaultRegion: "eu-west-1" })
    closing.push(() => server.stop())
    const sdk = load("@aws-sdk/client-sqs") as Any
    const client = traced(new sdk.SQSClient(common(server.port))) as Any
    closing.push(() => client.destroy())
    const { QueueUrl } = await client.send(new sdk.CreateQueueCommand({ QueueName: "orders" }))
    const { spans, thrown } = await recording.children(() => client.send(new sdk.SendMessageCommand({ QueueUrl, MessageBody: "x" })))
    expect(thrown).toBeUndefined()
    const { Messages } = await client.send(new sdk.ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"] }))
    const { StringValue: stringValue } = Messages[0].MessageAttributes.traceparent
    const record = {
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-west-1:1:orders",
      messageAttributes: { traceparent: { stringValue } },
      body: "x",
    }
    const { causes } = triggerOf({ Records: [record] }, {})
    expect(recording.tracer.contextIn(causes?.[0]?.carrier)).toMatchObject({ traceId: spans[0]?.traceId, spanId: spans[0]?.spanId })
  })
})
