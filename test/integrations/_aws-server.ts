import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createHttp2Server } from "node:http2"
import type { AddressInfo, Server, Socket } from "node:net"
import { signatureFault } from "./_sigv4.ts"

export const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

export interface AwsRequest {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** `undefined` when the signature is right. */
  readonly fault: string | undefined
}

export interface AwsReply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** What a service answers; `undefined` leaves it to the table below. */
export type Answer = (request: AwsRequest) => AwsReply | undefined | Promise<AwsReply | undefined>

/** A stand-in for AWS on the loopback interface: HTTP/1.1 and HTTP/2, checks every signature, answers like the services do. */
export interface AwsServer {
  readonly url: string
  readonly http2Url: string
  readonly received: AwsRequest[]
  /** Put first in line. */
  answer: Answer | undefined
  close(): Promise<void>
}

export async function startAws(): Promise<AwsServer> {
  const received: AwsRequest[] = []
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", async () => {
      const body = Buffer.concat(chunks)
      const { method = "", url: target = "", headers } = request
      const fault = signatureFault({ method, target, headers, body }, CREDENTIALS.secretAccessKey)
      const arrived: AwsRequest = { method, target, headers: headers as AwsRequest["headers"], body, fault }
      received.push(arrived)
      const reply = (await server.answer?.(arrived)) ?? standardReply(arrived)
      if (reply.status === 0) return void request.socket.destroy()
      const content = Buffer.from((reply.body ?? "") as string)
      const standard: Record<string, string> = {
        "x-amzn-requestid": `request-${received.length}`,
        "content-length": String(content.length),
      }
      response.writeHead(reply.status ?? 200, { ...standard, ...reply.headers })
      response.end(method === "HEAD" ? undefined : content)
    })
  }
  const [http1, http2] = [createServer((request, response) => listener(request, response)), createHttp2Server(listener as never)]
  const [one, two] = [await listen(http1), await listen(http2)]
  const server: AwsServer = {
    url: one.url,
    http2Url: two.url,
    received,
    answer: undefined,
    close: async () => void (await Promise.all([one.close(), two.close()])),
  }
  return server
}

const json = (body: unknown, more: AwsReply = {}): AwsReply => ({
  headers: { "content-type": "application/x-amz-json-1.0" },
  ...more,
  body: JSON.stringify(body),
})
const xml = (body: string): AwsReply => ({ headers: { "content-type": "text/xml" }, body })

/** By operation: what each protocol needs to be content with the answer. */
function standardReply({ method, target, headers, body }: AwsRequest): AwsReply {
  const text = body.toString()
  const action = /(?:^|&)Action=(\w+)/.exec(text)?.[1]
  const operation =
    String(headers["x-amz-target"] ?? "")
      .split(".")
      .pop() ||
    action ||
    ""
  if (headers["smithy-protocol"] === "rpc-v2-cbor") {
    return { headers: { "smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor" }, body: Uint8Array.of(0xbf, 0xff) }
  }
  if (action !== undefined) {
    const inner =
      action === "Publish"
        ? "<MessageId>sns-message-1</MessageId>"
        : action === "GetCallerIdentity"
          ? "<Account>123456789012</Account>"
          : ""
    return xml(
      `<${action}Response><${action}Result>${inner}</${action}Result><ResponseMetadata><RequestId>query-request</RequestId></ResponseMetadata></${action}Response>`,
    )
  }
  if (operation !== "") return json(JSON_REPLIES[operation] ?? {})
  if (target.includes("/invocations")) return { body: '{"ok":true}', headers: { "x-amz-executed-version": "$LATEST" } }
  if (target.includes("/converse")) {
    const content = [{ text: 'so "usage":{"inputTokens":9999} it is' }]
    return json({
      output: { message: { role: "assistant", content } },
      stopReason: "end_turn",
      usage: { inputTokens: 12, outputTokens: 34, totalTokens: 46 },
      metrics: { latencyMs: 1 },
    })
  }
  if (target.includes("/schedules/")) return json({ ScheduleArn: "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/nightly" })
  if (target.includes("outbound-emails")) return json({ MessageId: "mail-1" })
  const s3 = { "x-amz-request-id": "S3REQUEST", "x-amz-id-2": "S3HOST" }
  if (target.includes("list-type=2"))
    return { ...xml("<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"), headers: { ...s3, "content-type": "application/xml" } }
  if (method === "GET") return { body: "stored", headers: s3 }
  if (headers["x-amz-copy-source"] !== undefined) return { ...xml("<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"), headers: s3 }
  return { headers: { ...s3, etag: '"etag"' } }
}

const JSON_REPLIES: Readonly<Record<string, unknown>> = {
  GetItem: { Item: { id: { S: "1" } }, ConsumedCapacity: { TableName: "orders", CapacityUnits: 0.5 } },
  Query: { Items: [], Count: 3, ScannedCount: 7 },
  BatchGetItem: { Responses: {}, UnprocessedKeys: {} },
  SendMessage: { MessageId: "sqs-message-1", MD5OfMessageBody: "" },
  SendMessageBatch: {
    Successful: [{ Id: "a", MessageId: "m1", MD5OfMessageBody: "" }],
    Failed: [{ Id: "b", SenderFault: true, Code: "x" }],
  },
  ReceiveMessage: { Messages: [{ MessageId: "m1", ReceiptHandle: "r1", Body: "b" }] },
  PutEvents: { FailedEntryCount: 1, Entries: [] },
  PutRecord: { ShardId: "shardId-000000000000", SequenceNumber: "1" },
  PutRecords: { FailedRecordCount: 0, Records: [] },
  StartExecution: { executionArn: "arn:aws:states:eu-west-1:123456789012:execution:machine:run", startDate: 1 },
  GetSecretValue: { Name: "database", SecretString: "hunter2" },
  PutRecordBatch: { FailedPutCount: 0, RequestResponses: [] },
  GetParameter: { Parameter: { Name: "/app/flag", Value: "s3cret" } },
}

async function listen(server: Server): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.once("close", () => sockets.delete(socket)).on("error", () => {}))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
