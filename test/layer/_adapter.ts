// Functions behind the Lambda Web Adapter: against a double of it, see test/layer/adapter/lambda-adapter.
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Environment, EnvironmentOptions, Runtime } from "../../src/environment/contracts.ts"
import { openEnvironment } from "../../src/environment/environment.ts"
import { freePort } from "../free-port.mjs"
import { opt } from "./_compare.ts"
import { functions } from "./bundles.ts"

/** A folder that plays `/opt` with both layers in it, and what removes it. */
export function mountBoth(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "antifreeze-opt-"))
  const adapter = fileURLToPath(new URL("./adapter/", import.meta.url))
  cpSync(opt, folder, { recursive: true })
  cpSync(`${adapter}bootstrap`, join(folder, "bootstrap"))
  cpSync(`${adapter}lambda-adapter`, join(folder, "extensions/lambda-adapter"))
  return { folder, remove: () => rmSync(folder, { recursive: true }) }
}

export interface Adapted {
  readonly runtime: Runtime
  readonly optRoot: string
  /** The script that starts the server. */
  readonly handler: string
  readonly env: Readonly<Record<string, string>>
  readonly more?: Partial<EnvironmentOptions>
}

/** Opens the environment of a function behind the adapter, whose wrapper is `/opt/bootstrap` unless `env` names another. */
export async function openAdapted({ runtime, optRoot, handler, env, more }: Adapted): Promise<Environment> {
  return openEnvironment({
    ...{ handler, runtime, optRoot, taskRoot: functions, timeoutMs: 5000 },
    env: {
      AWS_LAMBDA_LOG_STREAM_NAME: "stream",
      AWS_LAMBDA_EXEC_WRAPPER: `${optRoot}/bootstrap`,
      AWS_LWA_PORT: String(await freePort()),
      ...env,
    },
    ...more,
  })
}

/** An event of an HTTP API or a function URL (payload 2.0). */
export function httpEvent(method: string, path: string, body?: string, headers: Record<string, string> = {}): object {
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "token=secret&page=2",
    headers: { host: "shop.example", "x-forwarded-proto": "https", "user-agent": "test", ...headers },
    requestContext: {
      accountId: "123456789012",
      apiId: "api",
      domainName: "shop.example",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      requestId: "id",
      routeKey: "$default",
      stage: "$default",
    },
    ...(body !== undefined && { body }),
    isBase64Encoded: false,
  }
}

/** Of a REST API, by a proxy resource. */
export function restEvent(method: string, path: string): object {
  return {
    ...{ resource: "/{proxy+}", path, httpMethod: method, headers: { Host: "shop.example", "X-Forwarded-Proto": "https" } },
    queryStringParameters: { page: "2" },
    requestContext: {
      ...{ accountId: "123456789012", apiId: "api", stage: "Prod", requestId: "id", protocol: "HTTP/1.1" },
      ...{ resourcePath: "/{proxy+}", path: `/Prod${path}`, httpMethod: method, domainName: "shop.example" },
      identity: { sourceIp: "192.0.2.1", userAgent: "test" },
    },
    ...{ body: null, isBase64Encoded: false },
  }
}

/** Of an Application Load Balancer. */
export function albEvent(method: string, path: string): object {
  return {
    requestContext: { elb: { targetGroupArn: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/1" } },
    ...{ httpMethod: method, path, queryStringParameters: { page: "2" } },
    headers: { host: "shop.example", "x-forwarded-for": "192.0.2.1, 10.0.0.1", "x-forwarded-proto": "https", "x-forwarded-port": "443" },
    ...{ body: "", isBase64Encoded: false },
  }
}

/** Of an SQS queue: a message for each text, each sent by another producer. */
export function sqsEvent(...bodies: readonly string[]): object {
  return {
    Records: bodies.map((body, index) => ({
      ...{ messageId: `message-${index + 1}`, receiptHandle: "handle", body, attributes: {} },
      messageAttributes: { traceparent: { stringValue: producer(index + 1), dataType: "String" } },
      ...{ eventSource: "aws:sqs", eventSourceARN: "arn:aws:sqs:us-east-1:123456789012:orders", awsRegion: "us-east-1" },
    })),
  }
}

/** Of EventBridge, sent by the first producer. */
export function busEvent(): object {
  return {
    ...{ version: "0", id: "event-1", "detail-type": "OrderPlaced", source: "shop.orders", account: "123456789012" },
    ...{ time: "2025-01-01T00:00:00Z", region: "us-east-1", resources: [] },
    detail: { _traceContext: { traceparent: producer(1) }, order: 7 },
  }
}

function producer(number: number): string {
  return `00-${String(number).padStart(32, "0")}-${String(number).padStart(16, "0")}-01`
}
