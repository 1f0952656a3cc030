import { randomBytes } from "node:crypto"
import type { ReceivedSpan } from "../../src/otlp/types.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { buildProgram, type Form, NODES, runProgram } from "./_aws-program.ts"
import { type AwsRequest, CREDENTIALS, startAws } from "./_aws-server.ts"

interface Message {
  readonly body: string
  readonly trace: string | undefined
}

/**
 * shop (HTTP) → SQS → warehouse → Invoke → billing → SNS → SQS → mailer, each a process of its own, against a double of AWS that
 * hands `X-Amzn-Trace-Id` on as AWS documents it: SQS and SNS as `AWSTraceHeader`, Lambda as `_X_AMZN_TRACE_ID`.
 * The mailer gets what is left of `rounds` chains in one batch.
 */
export async function runChain(form: Form, rounds = 1): Promise<readonly ReceivedSpan[]> {
  const [aws, collector, file] = [await startAws(), await startCollector({ port: 0 }), await buildProgram("chain", form)]
  const queues: Record<string, Message[]> = { orders: [], bills: [] }
  const run = (name: string, event: unknown, trace: string) => {
    const env = {
      AWS_LAMBDA_FUNCTION_NAME: name,
      _X_AMZN_TRACE_ID: trace,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_TIMEOUT: "3000",
    }
    return runProgram(
      file,
      NODES[24] as string,
      { url: aws.url, credentials: CREDENTIALS, event, requestId: randomBytes(8).toString("hex") },
      env,
    )
  }
  aws.answer = async ({ target, headers, body }: AwsRequest) => {
    const trace = headers["x-amzn-trace-id"] as string | undefined
    const text = body.toString()
    if (target.endsWith("/invocations")) await run("billing", JSON.parse(text), trace ?? "")
    else if (String(headers["x-amz-target"]).endsWith("SendMessage"))
      queues["orders"]?.push({ body: (JSON.parse(text) as { MessageBody: string }).MessageBody, trace })
    else if (text.includes("Action=Publish")) {
      const TopicArn = new URLSearchParams(text).get("TopicArn")
      queues["bills"]?.push({ body: JSON.stringify({ Type: "Notification", MessageId: "n", TopicArn, Message: "a bill" }), trace })
    }
    return undefined
  }
  try {
    for (let round = 0; round < rounds; round++) {
      await run("shop", httpEvent, lambdaHeader())
      await run("warehouse", sqsEvent("orders", queues["orders"]?.splice(0) ?? []), lambdaHeader())
    }
    await run("mailer", sqsEvent("bills", queues["bills"] ?? []), lambdaHeader())
    return [...collector.spans]
  } finally {
    await collector.close()
    await aws.close()
  }
}

/** What Lambda makes up for an invocation while X-Ray is off: about itself, and of no use to anybody. */
function lambdaHeader(): string {
  const time = Math.floor(Date.now() / 1000).toString(16)
  return `Root=1-${time}-${randomBytes(12).toString("hex")};Parent=${randomBytes(8).toString("hex")};Sampled=0;Lineage=1:a87bd80c:0`
}

const httpEvent = {
  version: "2.0",
  routeKey: "POST /orders",
  rawPath: "/orders",
  rawQueryString: "",
  headers: { host: "shop.example.com" },
  requestContext: {
    domainName: "shop.example.com",
    http: { method: "POST", path: "/orders", protocol: "HTTP/1.1", sourceIp: "203.0.113.7", userAgent: "curl" },
  },
}

function sqsEvent(queue: string, messages: readonly Message[]): object {
  return {
    Records: messages.map(({ body, trace }, index) => ({
      messageId: `m${index}`,
      body,
      attributes: { ApproximateReceiveCount: "1", ...(trace && { AWSTraceHeader: trace }) },
      messageAttributes: {},
      eventSource: "aws:sqs",
      eventSourceARN: `arn:aws:sqs:eu-west-1:123456789012:${queue}`,
    })),
  }
}
