import { mkdirSync, writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { buildProgram, FORMS, NODES, type PlainSpan, runProgram } from "./_aws-program.ts"
import { type AwsServer, CREDENTIALS, startAws } from "./_aws-server.ts"

/** What Lambda gives a function without active tracing. */
const HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=a87bd80c:1|68fd508a:5"

let aws: AwsServer
const runs = new Map<string, { spans: PlainSpan[]; requests: AwsServer["received"] }>()

/** What differs between two runs by nature. */
function normal({ operationName, tags }: PlainSpan): object {
  const { "server.port": _, "aws.request_id": id, "aws.sqs.queue.url": url, ...rest } = tags
  return { operationName, ...rest, "aws.request_id": typeof id, "aws.sqs.queue.url": typeof url }
}

beforeAll(async () => {
  aws = await startAws()
  for (const form of FORMS) {
    const file = await buildProgram("program", form)
    for (const [version, node] of Object.entries(NODES)) {
      aws.received.length = 0
      const setup = { url: aws.url, http2Url: aws.http2Url, credentials: CREDENTIALS }
      const { result } = await runProgram<PlainSpan[]>(file, node, setup, { _X_AMZN_TRACE_ID: HEADER })
      runs.set(`${form} on Node ${version}`, { spans: result, requests: [...aws.received] })
    }
  }
}, 120_000)
afterAll(() => aws.close())

describe("the same program, deployed in four forms, on both Nodes", () => {
  it("makes the same spans in all of them, one for each call and no other", () => {
    const cells = [...runs].map(([form, { spans, requests }]) => ({ form, spans: spans.map(normal), requests: requests.length }))
    expect(cells).toHaveLength(FORMS.length * 2)
    const [first] = cells
    for (const { form, spans, requests } of cells) {
      expect(spans, form).toEqual(first?.spans)
      // Each request has one span, and the root is the only other.
      expect(spans, form).toHaveLength(requests + 1)
    }
    mkdirSync(new URL("../results/", import.meta.url), { recursive: true })
    const table = cells.map(({ form, spans }) => ({ form, operations: spans.map((span) => (span as PlainSpan).operationName) }))
    const note = "Against a local double of AWS; the clients are the real ones."
    writeFileSync(new URL("../results/aws-forms.json", import.meta.url), `${JSON.stringify({ note, cells: table }, null, 1)}\n`)
  })

  it("recognises the operations of nineteen services by name", () => {
    const [run] = runs.values()
    const names = run?.spans.map(({ operationName }) => operationName) ?? []
    const services = new Set(run?.requests.map(({ headers }) => /\/([^/]+)\/aws4_request/.exec(String(headers["authorization"]))?.[1]))
    expect(services.size).toBeGreaterThanOrEqual(19)
    expect(names).toMatchInlineSnapshot(`
      [
        "DynamoDB.GetItem",
        "DynamoDB.PutItem",
        "DynamoDB.Query",
        "DynamoDB.BatchGetItem",
        "SendMessage orders",
        "SendMessageBatch orders",
        "ReceiveMessage orders",
        "Publish news",
        "S3.GetObject",
        "S3.PutObject",
        "S3.ListObjectsV2",
        "S3.CopyObject",
        "Lambda.Invoke",
        "Kinesis.PutRecord",
        "EventBridge.PutEvents",
        "SFN.StartExecution",
        "Secrets Manager.GetSecretValue",
        "SSM.GetParameter",
        "KMS.Encrypt",
        "CloudWatch.PutMetricData",
        "CloudWatch Logs.PutLogEvents",
        "Firehose.PutRecordBatch",
        "Bedrock Runtime.Converse",
        "Scheduler.CreateSchedule",
        "SESv2.SendEmail",
        "STS.GetCallerIdentity",
        "EC2.DescribeRegions",
        "caller",
      ]
    `)
  })

  it("invalidates no signature: the server computes each anew", () => {
    const all = [...runs.values()].flatMap(({ requests }) => requests)
    expect(all.length).toBeGreaterThan(200)
    for (const { target, fault } of all) expect(fault, target).toBeUndefined()
  })

  it("sends the span's own ids in X-Amzn-Trace-Id, keeps Lineage and never raises Sampled", () => {
    for (const { spans, requests } of runs.values()) {
      const sent = requests.map(({ headers }) => headers["x-amzn-trace-id"])
      const expected = spans
        .filter(({ tags }) => tags["span.kind"] !== "server")
        .map(
          ({ traceId, spanId }) =>
            `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Parent=${spanId};Sampled=0;Lineage=a87bd80c:1|68fd508a:5`,
        )
      expect(sent.toSorted()).toEqual(expected.toSorted())
      for (const { headers } of requests) expect(headers).not.toHaveProperty("traceparent")
    }
  })

  it("shows no secret, no body and no key of an object", () => {
    const all = JSON.stringify([...runs.values()].map(({ spans }) => spans))
    for (const secret of ["hunter2", "s3cret", "jane", "private/", "hello & good bye", "example.com", CREDENTIALS.secretAccessKey])
      expect(all).not.toContain(secret)
  })
})
