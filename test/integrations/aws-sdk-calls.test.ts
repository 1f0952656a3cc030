import { createRequire } from "node:module"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import type { SpanRecord } from "../../src/core/contracts.ts"
import { awsOperations, awsSettings } from "../../src/integrations/_aws.ts"
import { http2Client, httpClient, undiciClient, withAws } from "../../src/integrations/aws-sdk.ts"
import { fetchIntegration } from "../../src/integrations/fetch.ts"
import { httpIntegration } from "../../src/integrations/http.ts"
import { http2Integration } from "../../src/integrations/http2.ts"
import { type AwsServer, CREDENTIALS, startAws } from "./_aws-server.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { requireClients } from "./fixtures/aws/place.mjs"

const load = createRequire(join(requireClients(), "package.json"))
// biome-ignore lint/suspicious/noExplicitAny: the clients are installed apart from the project, without types.
type Client = any
const dynamodb = load("@aws-sdk/client-dynamodb") as Client
const sqs = load("@aws-sdk/client-sqs") as Client
const s3 = load("@aws-sdk/client-s3") as Client

let aws: AwsServer
let recording: Recording
let common: object

beforeAll(async () => {
  aws = await startAws()
  recording = new Recording()
  recording
    .watch(withAws(fetchIntegration, undiciClient))
    .watch(withAws(httpIntegration, httpClient))
    .watch(withAws(http2Integration, http2Client))
  common = { region: "eu-west-1", endpoint: aws.url, credentials: CREDENTIALS }
})
afterEach(() => {
  aws.answer = undefined
  aws.received.length = 0
  awsSettings.sendsTraceHeader = true
  awsSettings.showsObjectKeys = false
  expect(recording.mistakes).toEqual([])
})
afterAll(async () => {
  recording.unwatch()
  await aws.close()
})

const get = (client: Client, table = "orders") => client.send(new dynamodb.GetItemCommand({ TableName: table, Key: { id: { S: "1" } } }))
const throttled = {
  status: 400,
  headers: { "content-type": "application/x-amz-json-1.0" },
  body: '{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}',
}
const logsOf = (span: SpanRecord | undefined) => span?.logs.map(({ fields }) => Object.fromEntries(fields))
const headerOf = (span: SpanRecord | undefined) => `Root=1-${span?.traceId.slice(0, 8)}-${span?.traceId.slice(8)};Parent=${span?.spanId}`

it("reads the headers of HTTP/2 in each of their shapes, and leaves them theirs", () => {
  const signed = [":path", "/", "X-Amz-Target", "Kinesis_20131202.PutRecord"]
  const call = { session: {} as never, headers: signed }
  expect(http2Client.read(call).header("x-amz-target")).toBe("Kinesis_20131202.PutRecord")
  http2Client.setTraceHeader(call, "Root=1")
  expect(call.headers).toBe(signed)
  for (const headers of [undefined, null as never]) {
    expect(http2Client.read({ session: {} as never, headers })).toMatchObject({ method: "GET", authority: "", target: "/" })
  }
})

describe("attempts", () => {
  it("are one span: throttled twice, then answered", async () => {
    let calls = 0
    aws.answer = () => (++calls < 3 ? throttled : undefined)
    const { spans } = await recording.children(() => get(new dynamodb.DynamoDBClient(common)))
    expect(aws.received).toHaveLength(3)
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])).toMatchObject({ "http.request.resend_count": 2, "aws.throttled": true, "http.response.status_code": 200 })
    expect(tagsOf(spans[0])).not.toHaveProperty("error")
    expect(logsOf(spans[0])).toEqual(
      [1, 2].map(() => ({ event: "retry", "http.response.status_code": 400, "error.type": "ProvisionedThroughputExceededException" })),
    )
    expect(aws.received.map(({ fault }) => fault)).toEqual([undefined, undefined, undefined])
    expect(new Set(aws.received.map(({ headers }) => headers["x-amzn-trace-id"]))).toEqual(new Set([headerOf(spans[0])]))
  })

  it("are one failed span when every one fails", async () => {
    aws.answer = () => ({ status: 500, body: '{"__type":"InternalServerError"}' })
    const { spans, thrown } = await recording.children(() => get(new dynamodb.DynamoDBClient({ ...common, maxAttempts: 2 })))
    expect(thrown).toBeInstanceOf(Error)
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])).toMatchObject({ error: true, "error.type": "InternalServerError", "http.request.resend_count": 1 })
  })

  it("end the span at the last one's end when the SDK gives up early", async () => {
    const { Batch } = await import("../../src/core/batch.ts")
    const batch = new Batch(recording.tracer.limits, "id")
    const root = recording.tracer.startSpan("root", { ignoreActiveSpan: true, sink: batch })
    aws.answer = () => ({ status: 503 })
    const client = new dynamodb.DynamoDBClient({
      ...common,
      retryStrategy: {
        acquireInitialRetryToken: async () => ({ getRetryCount: () => 0 }),
        refreshRetryTokenForRetry: () => Promise.reject(new Error("no quota")),
        recordSuccess() {},
        mode: "x",
        maxAttempts: async () => 3,
      },
    })
    await recording.tracer.scopeManager.run(root, () => get(client)).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 400))
    root.finish()
    const [call] = batch.close(recording.tracer.loose).filter(({ operationName }) => operationName === "DynamoDB.GetItem")
    expect(tagsOf(call)).toMatchObject({ error: true, "http.response.status_code": 503 })
    expect(tagsOf(call)).not.toHaveProperty("antifreeze.unfinished")
    expect(call?.durationUs).toBeLessThan(350_000)
  })

  it("that are cut off count, too", async () => {
    let calls = 0
    aws.answer = () => (++calls === 1 ? { status: 0 } : undefined)
    const { spans } = await recording.children(() => get(new dynamodb.DynamoDBClient(common)))
    expect(spans).toHaveLength(1)
    expect(logsOf(spans[0])).toMatchObject([{ event: "retry", "error.type": "ECONNRESET" }])
  })

  it("end at once for a mistake that no retry mends", async () => {
    aws.answer = () => ({ status: 400, body: '{"__type":"com.amazon.coral.validate#ValidationException","message":"secret value"}' })
    const { spans } = await recording.children(() => get(new dynamodb.DynamoDBClient(common)))
    expect(tagsOf(spans[0])).toMatchObject({ error: true, "error.type": "ValidationException", "aws.request_id": expect.any(String) })
    expect(JSON.stringify(tagsOf(spans[0]))).not.toContain("secret value")
  })

  it("leave nothing behind", () => {
    for (const operation of awsOperations.values()) clearTimeout(operation.timer)
    expect(awsOperations.size).toBeLessThanOrEqual(1)
    awsOperations.clear()
  })
})

describe("X-Amzn-Trace-Id", () => {
  const withHeader = async (value: string | undefined) => {
    if (value === undefined) delete process.env["_X_AMZN_TRACE_ID"]
    else process.env["_X_AMZN_TRACE_ID"] = value
    process.env["AWS_LAMBDA_FUNCTION_NAME"] = "f"
    try {
      const { spans } = await recording.children(() => get(new dynamodb.DynamoDBClient(common)))
      return { sent: aws.received[0]?.headers["x-amzn-trace-id"], ours: headerOf(spans[0]) }
    } finally {
      delete process.env["_X_AMZN_TRACE_ID"]
      delete process.env["AWS_LAMBDA_FUNCTION_NAME"]
    }
  }

  it("is ours alone where there was none, and says nothing of sampling", async () => {
    const { sent, ours } = await withHeader(undefined)
    expect(sent).toBe(ours)
  })
  it("stays X-Ray's while X-Ray records", async () => {
    const xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1"
    expect((await withHeader(xray)).sent).toBe(xray)
  })
  it("keeps every field of others", async () => {
    const { sent, ours } = await withHeader(
      "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=a:1|b:2;CalledFrom=app",
    )
    expect(sent).toBe(`${ours};Sampled=0;Lineage=a:1|b:2;CalledFrom=app`)
  })
  it("can be switched off", async () => {
    awsSettings.sendsTraceHeader = false
    expect((await withHeader(undefined)).sent).toBeUndefined()
  })
  it("is not sent where nothing is traced", async () => {
    await get(new dynamodb.DynamoDBClient(common))
    expect(aws.received[0]?.headers).not.toHaveProperty("x-amzn-trace-id")
  })
})

describe("other ways to AWS", () => {
  it("a presigned URL is traced and left untouched", async () => {
    const { getSignedUrl } = load("@aws-sdk/s3-request-presigner") as Client
    const url = await getSignedUrl(
      new s3.S3Client({ ...common, forcePathStyle: true }),
      new s3.GetObjectCommand({ Bucket: "pictures", Key: "jane.png" }),
      { expiresIn: 60 },
    )
    const { spans } = await recording.children(() => fetch(url).then((response) => response.text()))
    expect(spans.map(({ operationName }) => operationName)).toEqual(["S3.GetObject"])
    expect(aws.received[0]).toMatchObject({ fault: undefined, target: url.slice(aws.url.length) })
    expect(Object.keys(aws.received[0]?.headers ?? {}).filter((name) => /trace/.test(name))).toEqual([])
    expect(JSON.stringify(tagsOf(spans[0]))).not.toMatch(/jane|Signature/)
  })

  it("keys of objects are shown when asked for", async () => {
    awsSettings.showsObjectKeys = true
    const { spans } = await recording.children(() =>
      new s3.S3Client({ ...common, forcePathStyle: true }).send(new s3.PutObjectCommand({ Bucket: "pictures", Key: "a b.png", Body: "x" })),
    )
    expect(tagsOf(spans[0])).toMatchObject({ "aws.s3.bucket": "pictures", "aws.s3.key": "a b.png" })
  })

  it("rpc-v2-cbor: operation from the path, table from the body", async () => {
    const { AwsSmithyRpcV2CborProtocol } = load("@aws-sdk/core/protocols") as Client
    const client = new sqs.SQSClient({ ...common, protocol: AwsSmithyRpcV2CborProtocol })
    const { spans } = await recording.children(() =>
      client.send(new sqs.SendMessageCommand({ QueueUrl: `${aws.url}/1/orders`, MessageBody: "x" })),
    )
    expect(aws.received[0]?.headers["smithy-protocol"]).toBe("rpc-v2-cbor")
    expect(spans[0]).toMatchObject({ operationName: "SendMessage orders" })
    expect(aws.received[0]?.fault).toBeUndefined()
  })

  it("SDK 2", async () => {
    process.env["AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE"] = "1"
    const sdk = load("aws-sdk") as Client
    const options = { region: "eu-west-1", endpoint: aws.url, credentials: new sdk.Credentials(CREDENTIALS), s3ForcePathStyle: true }
    const { spans, thrown } = await recording.children(async () => {
      await new sdk.DynamoDB(options).getItem({ TableName: "orders", Key: { id: { S: "1" } } }).promise()
      await new sdk.SNS(options).publish({ TopicArn: "arn:aws:sns:eu-west-1:1:news", Message: "m" }).promise()
      await new sdk.S3(options).putObject({ Bucket: "pictures", Key: "k", Body: "b" }).promise()
      await new sdk.Lambda(options).invoke({ FunctionName: "mailer", Payload: "{}" }).promise()
    }, 4)
    expect(thrown).toBeUndefined()
    expect(spans.map(({ operationName }) => operationName)).toEqual(["DynamoDB.GetItem", "Publish news", "S3.PutObject", "Lambda.Invoke"])
    expect(aws.received.map(({ fault }) => fault)).toEqual([undefined, undefined, undefined, undefined])
    expect(aws.received.map(({ headers }) => headers["x-amzn-trace-id"])).toEqual(spans.map(headerOf))
  })

  it("a function that failed is an error of the invocation", async () => {
    const lambda = load("@aws-sdk/client-lambda") as Client
    aws.answer = () => ({ status: 200, headers: { "x-amz-function-error": "Unhandled" }, body: "{}" })
    const { spans } = await recording.children(() =>
      new lambda.LambdaClient(common).send(new lambda.InvokeCommand({ FunctionName: "mailer" })),
    )
    expect(tagsOf(spans[0])).toMatchObject({ error: true, "error.type": "Unhandled", "faas.invoked_name": "mailer" })
  })

  it("an API of the user's own that is signed like AWS stays an HTTP call, with traceparent", async () => {
    const authorization = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/execute-api/aws4_request, SignedHeaders=host, Signature=x"
    const { spans } = await recording.children(() => fetch(`${aws.url}/orders`, { headers: { authorization } }))
    expect(spans.map(({ operationName }) => operationName)).toEqual(["GET"])
    expect(aws.received[0]?.headers["traceparent"]).toContain(spans[0]?.spanId)
  })
})
