import type {
  ALBEvent,
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyWebsocketEventV2,
  AppSyncResolverEvent,
  CloudFormationCustomResourceEvent,
  CloudFrontRequestEvent,
  CloudWatchAlarmEvent,
  CloudWatchLogsEvent,
  CodePipelineEvent,
  ConnectContactFlowEvent,
  DynamoDBStreamEvent,
  EventBridgeEvent,
  FirehoseTransformationEvent,
  IoTPreProvisioningHookEvent,
  KinesisStreamEvent,
  LambdaFunctionURLEvent,
  LexV2Event,
  MSKEvent,
  PostConfirmationTriggerEvent,
  PreSignUpTriggerEvent,
  S3BatchEvent,
  S3Event,
  SESEvent,
  SecretsManagerRotationEvent,
  SelfManagedKafkaEvent,
  SNSEvent,
  SQSEvent,
} from "aws-lambda"

/** The caller whose context every carrying event of the corpus has. */
export const PARENT = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }
const traceparent = `00-${PARENT.traceId}-${PARENT.spanId}-01`
const header = `Root=1-${PARENT.traceId.slice(0, 8)}-${PARENT.traceId.slice(8)};Parent=${PARENT.spanId};Sampled=0;Lineage=a87bd80c:1`

/** One row of the table: an event, and the span that it must become. */
export interface Row {
  readonly trigger: string
  readonly says: string
  readonly event: unknown
  /** Of the handler's context. */
  readonly context?: object
  readonly env?: string
  readonly name: string
  readonly kind: "server" | "consumer"
  readonly faas: "http" | "pubsub" | "datasource" | "timer" | "other"
  /** PARENT is the parent; else the span begins a trace. */
  readonly hasParent?: boolean
  readonly links?: number
  readonly tags: Readonly<Record<string, unknown>>
}

const FUNCTION = "checkout"
const ACCOUNT = "123456789012"
const arn = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:${ACCOUNT}:${resource}`
const base64 = (text: string) => Buffer.from(text).toString("base64")
const bytes = (text: string) => [...Buffer.from(text)]
/** Another caller for each number. */
const other = (n: number) => `00-${PARENT.traceId}-${String(n).padStart(16, "0")}-01`

// --- HTTP

const identity = { sourceIp: "203.0.113.7", userAgent: "curl/8" } as APIGatewayProxyEvent["requestContext"]["identity"]

function rest(more: Partial<APIGatewayProxyEvent> & { version?: string }): APIGatewayProxyEvent {
  return {
    resource: "/items/{id}",
    path: "/items/7",
    httpMethod: "GET",
    headers: {
      Host: "api.example.com",
      "User-Agent": "curl/8",
      "X-Forwarded-Port": "443",
      "X-Forwarded-Proto": "https",
      "X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793",
    },
    multiValueHeaders: {},
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    pathParameters: { id: "7" },
    stageVariables: null,
    requestContext: {
      accountId: ACCOUNT,
      apiId: "abc",
      authorizer: null,
      protocol: "HTTP/1.1",
      httpMethod: "GET",
      identity,
      path: "/prod/items/7",
      stage: "prod",
      requestId: "r",
      requestTimeEpoch: 1,
      resourceId: "x",
      resourcePath: "/items/{id}",
      domainName: "api.example.com",
    },
    body: null,
    isBase64Encoded: false,
    ...more,
  } satisfies APIGatewayProxyEvent & { version?: string }
}

function http(
  more: Partial<APIGatewayProxyEventV2>,
  request: Partial<APIGatewayProxyEventV2["requestContext"]> = {},
): APIGatewayProxyEventV2 {
  return {
    version: "2.0",
    routeKey: "GET /items/{id}",
    rawPath: "/items/7",
    rawQueryString: "",
    headers: { host: "api.example.com", "x-forwarded-proto": "https" },
    requestContext: {
      accountId: ACCOUNT,
      apiId: "abc",
      domainName: "api.example.com",
      domainPrefix: "api",
      http: { method: "GET", path: "/items/7", protocol: "HTTP/1.1", sourceIp: "203.0.113.7", userAgent: "curl/8" },
      requestId: "r",
      routeKey: "GET /items/{id}",
      stage: "$default",
      time: "12/Mar/2026:19:03:58 +0000",
      timeEpoch: 1,
      ...request,
    },
    isBase64Encoded: false,
    ...more,
  } satisfies APIGatewayProxyEventV2
}

function alb(more: Partial<ALBEvent>): ALBEvent {
  return {
    requestContext: { elb: { targetGroupArn: arn("elasticloadbalancing", "targetgroup/web/1") } },
    httpMethod: "GET",
    path: "/",
    headers: {
      host: "lb.example.com:8080",
      "x-forwarded-for": "203.0.113.7, 10.0.0.1",
      "x-forwarded-port": "8080",
      "x-forwarded-proto": "http",
    },
    body: "",
    isBase64Encoded: false,
    ...more,
  } satisfies ALBEvent
}

const webSocket = (routeKey: string, more: object): unknown =>
  ({
    requestContext: {
      routeKey,
      messageId: "m",
      eventType: "MESSAGE",
      extendedRequestId: "e",
      requestTime: "t",
      messageDirection: "IN",
      stage: "prod",
      connectedAt: 1,
      requestTimeEpoch: 1,
      requestId: "r",
      domainName: "ws.example.com",
      connectionId: "c",
      apiId: "a",
    },
    isBase64Encoded: false,
    ...more,
  }) satisfies APIGatewayProxyWebsocketEventV2

function edge(
  eventType: "viewer-request" | "origin-request",
  headers: CloudFrontRequestEvent["Records"][0]["cf"]["request"]["headers"],
  method = "GET",
): CloudFrontRequestEvent {
  return {
    Records: [
      {
        cf: {
          config: { distributionDomainName: "d.cloudfront.net", distributionId: "EDFDVBD6EXAMPLE", eventType, requestId: "q" },
          request: { clientIp: "203.0.113.7", method, uri: "/index.html", querystring: "a=1", headers },
        },
      },
    ],
  } satisfies CloudFrontRequestEvent
}

const viaRest = {
  "faas.trigger": "http",
  "http.request.method": "GET",
  "http.route": "/items/{id}",
  "url.path": "/items/7",
  "url.scheme": "https",
  "server.address": "api.example.com",
  "client.address": "203.0.113.7",
}

const HTTP: Row[] = [
  {
    trigger: "rest",
    says: "a proxy event with a caller",
    event: rest({ headers: { traceparent, Host: "api.example.com" } }),
    name: "GET /items/{id}",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: { ...viaRest, "network.protocol.version": "1.1" },
  },
  {
    trigger: "rest",
    says: "multi-value headers alone, a query with a secret",
    event: rest({
      headers: {},
      multiValueHeaders: { TraceParent: [traceparent], "User-Agent": ["curl/8"] },
      multiValueQueryStringParameters: { a: ["1", "2"], sig: ["s3cret"] },
    }),
    name: "GET /items/{id}",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: { "url.query": "a=1&a=2&sig=REDACTED", "user_agent.original": "curl/8" },
  },
  {
    trigger: "rest",
    says: "a method of its own, a body, and API Gateway's own trace header, which is not read",
    event: rest({ httpMethod: "PURGE", body: "größe" }),
    name: "HTTP /items/{id}",
    kind: "server",
    faas: "http",
    tags: { "http.request.method": "_OTHER", "http.request.method_original": "PURGE", "http.request.body.size": 7 },
  },
  {
    trigger: "http-v1",
    says: "payload 1.0",
    event: rest({ version: "1.0", headers: { traceparent } }),
    name: "GET /items/{id}",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: viaRest,
  },
  {
    trigger: "http-v1",
    says: "payload 1.0, a body in base64",
    event: rest({ version: "1.0", httpMethod: "POST", body: base64("four"), isBase64Encoded: true }),
    name: "POST /items/{id}",
    kind: "server",
    faas: "http",
    tags: { "http.request.body.size": 4 },
  },
  {
    trigger: "http-v1",
    says: "payload 1.0, no headers",
    event: rest({ version: "1.0", headers: null as never, multiValueHeaders: null as never }),
    name: "GET /items/{id}",
    kind: "server",
    faas: "http",
    tags: { "url.scheme": "https" },
  },
  {
    trigger: "http-v2",
    says: "payload 2.0 with a caller",
    event: http({ headers: { traceparent } }),
    name: "GET /items/{id}",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: viaRest,
  },
  {
    trigger: "http-v2",
    says: "the default route, a query",
    event: http({ routeKey: "$default", rawQueryString: "q=x&X-Amz-Signature=abc" }),
    name: "GET",
    kind: "server",
    faas: "http",
    tags: { "url.query": "q=x&X-Amz-Signature=REDACTED", "http.route": undefined },
  },
  {
    trigger: "http-v2",
    says: "a body",
    event: http({ body: "12345" }, { http: { method: "POST", path: "/", protocol: "HTTP/2.0", sourceIp: "::1", userAgent: "x" } }),
    name: "POST /items/{id}",
    kind: "server",
    faas: "http",
    tags: { "http.request.body.size": 5, "network.protocol.version": "2.0", "client.address": "::1" },
  },
  {
    trigger: "websocket",
    says: "a connection with a caller",
    event: webSocket("$connect", { headers: { traceparent } }),
    name: "$connect",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: { "http.route": "$connect", "url.scheme": "wss", "server.address": "ws.example.com" },
  },
  {
    trigger: "websocket",
    says: "a message",
    event: webSocket("sendMessage", { body: "{}" }),
    name: "sendMessage",
    kind: "server",
    faas: "http",
    tags: { "messaging.message.id": "m" },
  },
  {
    trigger: "websocket",
    says: "the end",
    event: webSocket("$disconnect", {}),
    name: "$disconnect",
    kind: "server",
    faas: "http",
    tags: { "network.protocol.name": "websocket" },
  },
  {
    trigger: "function-url",
    says: "with a caller",
    event: http(
      { routeKey: "$default", headers: { traceparent } },
      { domainName: "abc.lambda-url.eu-west-1.on.aws", routeKey: "$default" },
    ) satisfies LambdaFunctionURLEvent,
    name: "GET",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: { "server.address": "abc.lambda-url.eu-west-1.on.aws" },
  },
  {
    trigger: "function-url",
    says: "signed with IAM",
    event: http(
      { routeKey: "$default" },
      { domainName: "abc.lambda-url.eu-west-1.on.aws", routeKey: "$default" },
    ) satisfies LambdaFunctionURLEvent,
    name: "GET",
    kind: "server",
    faas: "http",
    tags: { "http.request.method": "GET" },
  },
  {
    trigger: "function-url",
    says: "cookies and a body",
    event: http({ routeKey: "$default", cookies: ["a=1"], body: "x" }, { routeKey: "$default" }) satisfies LambdaFunctionURLEvent,
    name: "GET",
    kind: "server",
    faas: "http",
    tags: { "http.request.body.size": 1 },
  },
  {
    trigger: "alb",
    says: "single headers with a caller",
    event: alb({ headers: { traceparent, host: "lb.example.com" } }),
    name: "GET",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: { "server.address": "lb.example.com" },
  },
  {
    trigger: "alb",
    says: "multi-value headers with a caller",
    event: alb({
      headers: undefined as never,
      multiValueHeaders: { traceparent: [traceparent], host: ["lb.example.com:8080"], "x-forwarded-for": ["203.0.113.7, 10.0.0.1"] },
    }),
    name: "GET",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: { "client.address": "203.0.113.7" },
  },
  {
    trigger: "alb",
    says: "a query, as it came",
    event: alb({ queryStringParameters: { q: "a%20b" } }),
    name: "GET",
    kind: "server",
    faas: "http",
    tags: { "url.query": "q=a%20b", "url.scheme": "http", "server.port": 8080, "client.address": "203.0.113.7" },
  },
  {
    trigger: "cloudfront",
    says: "a viewer's request with a caller",
    event: edge("viewer-request", {
      traceparent: [{ key: "Traceparent", value: traceparent }],
      host: [{ key: "Host", value: "www.example.com" }],
    }),
    name: "GET",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: { "aws.cloudfront.event_type": "viewer-request", "url.query": "a=1", "server.address": "www.example.com" },
  },
  {
    trigger: "cloudfront",
    says: "an origin request",
    event: edge("origin-request", {}, "POST"),
    name: "POST",
    kind: "server",
    faas: "http",
    tags: { "url.path": "/index.html", "server.address": "d.cloudfront.net" },
  },
  {
    trigger: "cloudfront",
    says: "without a host",
    event: edge("viewer-request", { "user-agent": [{ key: "User-Agent", value: "Amazon CloudFront" }] }),
    name: "GET",
    kind: "server",
    faas: "http",
    tags: { "user_agent.original": "Amazon CloudFront", "aws.cloudfront.distribution.id": "EDFDVBD6EXAMPLE" },
  },
]

// --- Messages

type SqsRecord = SQSEvent["Records"][0]

function sqs(...records: (Partial<SqsRecord> & { trace?: string })[]): SQSEvent {
  return {
    Records: records.map(({ trace, ...more }, index) => ({
      messageId: `m${index}`,
      receiptHandle: "r",
      body: "hello",
      attributes: {
        ApproximateReceiveCount: "1",
        SentTimestamp: "1",
        SenderId: "s",
        ApproximateFirstReceiveTimestamp: "2",
        ...(trace && { AWSTraceHeader: trace }),
      },
      messageAttributes: {},
      md5OfBody: "x",
      eventSource: "aws:sqs",
      eventSourceARN: arn("sqs", "orders"),
      awsRegion: "eu-west-1",
      ...more,
    })),
  } satisfies SQSEvent
}

const text = (stringValue: string) => ({ stringValue, stringListValues: [], binaryListValues: [], dataType: "String" as const })
const binary = (value: string) => ({ binaryValue: base64(value), stringListValues: [], binaryListValues: [], dataType: "Binary" as const })

function sns(more: Partial<SNSEvent["Records"][0]["Sns"]>): SNSEvent {
  return {
    Records: [
      {
        EventVersion: "1.0",
        EventSource: "aws:sns",
        EventSubscriptionArn: arn("sns", "news:1"),
        Sns: {
          SignatureVersion: "1",
          Timestamp: "t",
          Signature: "s",
          SigningCertUrl: "https://x",
          MessageId: "n1",
          Message: "hi",
          MessageAttributes: {},
          Type: "Notification",
          UnsubscribeUrl: "https://x",
          TopicArn: arn("sns", "news"),
          Subject: "s",
          Token: "t",
          ...more,
        },
      },
    ],
  } satisfies SNSEvent
}

const envelope = (more: object) =>
  JSON.stringify({ Type: "Notification", MessageId: "n1", TopicArn: arn("sns", "news"), Message: "hi", Timestamp: "t", ...more })

function bus(more: Partial<EventBridgeEvent<string, unknown>>): EventBridgeEvent<string, unknown> {
  return {
    version: "0",
    id: "e1",
    "detail-type": "OrderPlaced",
    source: "shop.orders",
    account: ACCOUNT,
    time: "2026-03-01T00:00:00Z",
    region: "eu-west-1",
    resources: [],
    detail: { id: 1 },
    ...more,
  } satisfies EventBridgeEvent<string, unknown>
}

const traced = { _traceContext: { traceparent }, id: 1 }

function s3(...names: string[]): S3Event {
  return {
    Records: names.map((eventName) => ({
      eventVersion: "2.1",
      eventSource: "aws:s3",
      awsRegion: "eu-west-1",
      eventTime: "2026-03-01T00:00:00.000Z",
      eventName,
      userIdentity: { principalId: "p" },
      requestParameters: { sourceIPAddress: "1.2.3.4" },
      responseElements: { "x-amz-request-id": "r", "x-amz-id-2": "i" },
      s3: {
        s3SchemaVersion: "1.0",
        configurationId: "c",
        bucket: { name: "pictures", ownerIdentity: { principalId: "p" }, arn: "arn:aws:s3:::pictures" },
        object: { key: "private/jane+doe.png", size: 1, eTag: "e", sequencer: "1" },
      },
    })),
  } satisfies S3Event
}

const MESSAGES: Row[] = [
  {
    trigger: "sqs",
    says: "one message with AWSTraceHeader",
    event: sqs({ trace: header }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: {
      "messaging.system": "aws_sqs",
      "messaging.operation.type": "process",
      "messaging.destination.name": "orders",
      "messaging.batch.message_count": 1,
      "messaging.message.id": "m0",
    },
  },
  {
    trigger: "sqs",
    says: "one message with a string attribute",
    event: sqs({ messageAttributes: { traceparent: text(traceparent) } }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: {},
  },
  {
    trigger: "sqs",
    says: "one message with a binary attribute",
    event: sqs({ messageAttributes: { traceparent: binary(traceparent) } }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: {},
  },
  {
    trigger: "sqs",
    says: "a batch of three callers",
    event: sqs(...[1, 2, 3].map((n) => ({ messageAttributes: { traceparent: text(other(n)) } }))),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    links: 3,
    tags: { "messaging.batch.message_count": 3, "messaging.message.id": undefined },
  },
  {
    trigger: "sqs",
    says: "a batch of one caller",
    event: sqs({ trace: header }, { trace: header }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    links: 1,
    tags: {},
  },
  {
    trigger: "sqs",
    says: "a batch of two queues",
    event: sqs({}, { eventSourceARN: arn("sqs", "other") }),
    name: "multiple_sources process",
    kind: "consumer",
    faas: "pubsub",
    tags: {},
  },
  {
    trigger: "sns",
    says: "a message with a string attribute",
    event: sns({ MessageAttributes: { traceparent: { Type: "String", Value: traceparent } } }),
    name: "process news",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "messaging.system": "aws.sns", "aws.sns.topic.arn": arn("sns", "news"), "messaging.message.id": "n1" },
  },
  {
    trigger: "sns",
    says: "a message with a binary attribute",
    event: sns({ MessageAttributes: { traceparent: { Type: "Binary", Value: base64(traceparent) } } }),
    name: "process news",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: {},
  },
  {
    trigger: "sns",
    says: "a message without a caller, but Lambda's own trace header",
    event: sns({}),
    env: header,
    name: "process news",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: {},
  },
  {
    trigger: "sns-sqs",
    says: "the envelope's attributes",
    event: sqs({ body: envelope({ MessageAttributes: { traceparent: { Type: "String", Value: traceparent } } }) }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "aws.sns.topic.arn": arn("sns", "news") },
  },
  {
    trigger: "sns-sqs",
    says: "only AWSTraceHeader",
    event: sqs({ body: envelope({}), trace: header }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: {},
  },
  {
    trigger: "sns-sqs",
    says: "a batch",
    event: sqs(
      ...[1, 2].map((n) => ({ body: envelope({ MessageAttributes: { traceparent: { Type: "Binary", Value: base64(other(n)) } } }) })),
    ),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    links: 2,
    tags: {},
  },
  {
    trigger: "eventbridge",
    says: "an event of the user's with a caller",
    event: bus({ detail: traced }),
    name: "process shop.orders",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "cloudevents.event_type": "OrderPlaced", "cloudevents.event_id": "e1" },
  },
  {
    trigger: "eventbridge",
    says: "an object that was created, with Lambda's own trace header",
    event: bus({ "detail-type": "Object Created", source: "aws.s3", detail: { bucket: { name: "pictures" }, object: { key: "k" } } }),
    env: header,
    name: "process aws.s3",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "aws.s3.bucket": "pictures" },
  },
  {
    trigger: "eventbridge",
    says: "no detail",
    event: bus({ detail: null }),
    name: "process shop.orders",
    kind: "consumer",
    faas: "pubsub",
    tags: { "cloudevents.event_source": "shop.orders" },
  },
  {
    trigger: "eventbridge-sqs",
    says: "with a caller",
    event: sqs({ body: JSON.stringify(bus({ detail: traced })) }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "cloudevents.event_type": "OrderPlaced" },
  },
  {
    trigger: "eventbridge-sqs",
    says: "through SNS, too",
    event: sqs({ body: envelope({ Message: JSON.stringify(bus({ detail: traced })) }) }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "cloudevents.event_source": "shop.orders", "aws.sns.topic.arn": arn("sns", "news") },
  },
  {
    trigger: "eventbridge-sqs",
    says: "without",
    event: sqs({ body: JSON.stringify(bus({})) }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    tags: {},
  },
  {
    trigger: "eventbridge-sns",
    says: "with a caller",
    event: sns({ Message: JSON.stringify(bus({ detail: traced })) }),
    name: "process news",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "cloudevents.event_type": "OrderPlaced" },
  },
  {
    trigger: "eventbridge-sns",
    says: "without",
    event: sns({ Message: JSON.stringify(bus({})) }),
    name: "process news",
    kind: "consumer",
    faas: "pubsub",
    tags: { "cloudevents.event_source": "shop.orders" },
  },
  {
    trigger: "eventbridge-sns",
    says: "broken JSON",
    event: sns({ Message: '{"detail-type": ' }),
    name: "process news",
    kind: "consumer",
    faas: "pubsub",
    tags: {},
  },
  {
    trigger: "schedule",
    says: "a rule",
    event: bus({ "detail-type": "Scheduled Event", source: "aws.events", resources: [arn("events", "rule/nightly")], detail: {} }),
    name: FUNCTION,
    kind: "server",
    faas: "timer",
    tags: { "faas.time": "2026-03-01T00:00:00Z", "aws.eventbridge.rule.name": "nightly" },
  },
  {
    trigger: "schedule",
    says: "the scheduler",
    event: bus({
      "detail-type": "Scheduled Event",
      source: "aws.scheduler",
      resources: [arn("scheduler", "schedule/default/nightly")],
      detail: "{}",
    }),
    name: FUNCTION,
    kind: "server",
    faas: "timer",
    tags: {},
  },
  {
    trigger: "schedule",
    says: "without a resource",
    event: bus({ "detail-type": "Scheduled Event", source: "aws.events" }),
    name: FUNCTION,
    kind: "server",
    faas: "timer",
    tags: {},
  },
  {
    trigger: "s3",
    says: "an object that was created, with Lambda's own trace header",
    event: s3("ObjectCreated:Put"),
    env: header,
    name: FUNCTION,
    kind: "server",
    faas: "datasource",
    hasParent: true,
    tags: {
      "faas.document.collection": "pictures",
      "faas.document.operation": "insert",
      "faas.document.time": "2026-03-01T00:00:00.000Z",
      "faas.document.name": undefined,
    },
  },
  {
    trigger: "s3",
    says: "one that was removed",
    event: s3("ObjectRemoved:Delete"),
    name: FUNCTION,
    kind: "server",
    faas: "datasource",
    tags: { "faas.document.operation": "delete" },
  },
  {
    trigger: "s3",
    says: "tags that were put",
    event: s3("ObjectTagging:Put"),
    name: FUNCTION,
    kind: "server",
    faas: "datasource",
    tags: { "faas.document.operation": "edit" },
  },
  {
    trigger: "s3-sqs",
    says: "with AWSTraceHeader",
    event: sqs({ body: JSON.stringify(s3("ObjectCreated:Put")), trace: header }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "aws.s3.bucket": "pictures" },
  },
  {
    trigger: "s3-sqs",
    says: "through SNS, too",
    event: sqs({ body: envelope({ Message: JSON.stringify(s3("ObjectCreated:Put")) }), trace: header }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "aws.s3.bucket": "pictures" },
  },
  {
    trigger: "s3-sqs",
    says: "the test event",
    event: sqs({ body: '{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"pictures"}' }),
    name: "orders process",
    kind: "consumer",
    faas: "pubsub",
    tags: {},
  },
  {
    trigger: "s3-sns",
    says: "one record",
    event: sns({ Message: JSON.stringify(s3("ObjectCreated:Put")) }),
    name: "process news",
    kind: "consumer",
    faas: "pubsub",
    tags: { "aws.s3.bucket": "pictures" },
  },
  {
    trigger: "s3-sns",
    says: "two records",
    event: sns({ Message: JSON.stringify(s3("ObjectCreated:Put", "ObjectCreated:Copy")) }),
    name: "process news",
    kind: "consumer",
    faas: "pubsub",
    tags: {},
  },
  {
    trigger: "s3-sns",
    says: "with Lambda's own trace header",
    event: sns({ Message: JSON.stringify(s3("ObjectRemoved:Delete")) }),
    env: header,
    name: "process news",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: {},
  },
]

// --- Streams

function stream(...names: ("INSERT" | "MODIFY" | "REMOVE")[]): DynamoDBStreamEvent {
  return {
    Records: names.map((eventName, n) => ({
      eventID: `${n}`,
      eventName,
      eventVersion: "1.1",
      eventSource: "aws:dynamodb",
      awsRegion: "eu-west-1",
      eventSourceARN: arn("dynamodb", "table/orders/stream/2026-01-01T00:00:00.000"),
      dynamodb: {
        ApproximateCreationDateTime: 1772323200,
        Keys: { id: { S: "1" } },
        SequenceNumber: "1",
        SizeBytes: 3,
        StreamViewType: "KEYS_ONLY",
      },
    })),
  } satisfies DynamoDBStreamEvent
}

function kinesis(...data: string[]): KinesisStreamEvent {
  return {
    Records: data.map((each, n) => ({
      awsRegion: "eu-west-1",
      eventID: `shardId-000000000006:${n}`,
      eventName: "aws:kinesis:record",
      eventSource: "aws:kinesis",
      eventSourceARN: arn("kinesis", "stream/clicks"),
      eventVersion: "1.0",
      invokeIdentityArn: "arn:aws:iam::1:role/r",
      kinesis: {
        approximateArrivalTimestamp: 1,
        data: base64(each),
        kinesisSchemaVersion: "1.0",
        partitionKey: "1",
        sequenceNumber: `${n}`,
      },
    })),
  } satisfies KinesisStreamEvent
}

function firehose(...data: string[]): FirehoseTransformationEvent {
  return {
    invocationId: "i",
    deliveryStreamArn: arn("firehose", "deliverystream/archive"),
    region: "eu-west-1",
    records: data.map((each, n) => ({ recordId: `${n}`, approximateArrivalTimestamp: 1, data: base64(each) })),
  } satisfies FirehoseTransformationEvent
}

type KafkaRecord = MSKEvent["records"][string][0]
const kafkaRecord = (topic: string, offset: number, traceparent?: string): KafkaRecord => ({
  topic,
  partition: 0,
  offset,
  timestamp: 1,
  timestampType: "CREATE_TIME",
  key: "",
  value: base64("v"),
  headers: traceparent === undefined ? [] : [{ other: [1] }, { traceparent: bytes(traceparent) }],
})
const msk = (records: KafkaRecord[]): MSKEvent =>
  ({
    eventSource: "aws:kafka",
    eventSourceArn: arn("kafka", "cluster/c/1"),
    bootstrapServers: "b:9092",
    records: { "clicks-0": records },
  }) satisfies MSKEvent
const selfManaged = (records: Record<string, KafkaRecord[]>): SelfManagedKafkaEvent =>
  ({ eventSource: "SelfManagedKafka", bootstrapServers: "b:9092", records }) satisfies SelfManagedKafkaEvent
const active = (...properties: object[]) => ({
  eventSource: "aws:amq",
  eventSourceArn: arn("mq", "broker:b:1"),
  messages: properties.map((each, n) => ({
    messageID: `ID:${n}`,
    messageType: "jms/text-message",
    data: base64("v"),
    redelivered: false,
    destination: { physicalName: "invoices" },
    properties: each,
  })),
})
const rabbit = (byQueue: Record<string, (object | null)[]>) => ({
  eventSource: "aws:rmq",
  eventSourceArn: arn("mq", "broker:b:1"),
  rmqMessagesByQueue: Object.fromEntries(
    Object.entries(byQueue).map(([queue, headers]) => [
      queue,
      headers.map((each, n) => ({
        basicProperties: { contentType: "text/plain", headers: each, messageId: `r${n}` },
        redelivered: false,
        data: base64("v"),
      })),
    ]),
  ),
})

const inJson = JSON.stringify(traced)

const STREAMS: Row[] = [
  {
    trigger: "dynamodb",
    says: "an insert",
    event: stream("INSERT"),
    name: FUNCTION,
    kind: "server",
    faas: "datasource",
    tags: { "faas.document.collection": "orders", "faas.document.operation": "insert", "faas.document.time": "2026-03-01T00:00:00.000Z" },
  },
  {
    trigger: "dynamodb",
    says: "a mixed batch; Lambda's trace header is about the poller",
    event: stream("INSERT", "REMOVE"),
    env: header,
    name: FUNCTION,
    kind: "server",
    faas: "datasource",
    tags: { "faas.document.operation": undefined, "aws.batch.record_count": 2 },
  },
  {
    trigger: "dynamodb",
    says: "removals",
    event: stream("REMOVE", "REMOVE"),
    name: FUNCTION,
    kind: "server",
    faas: "datasource",
    tags: { "faas.document.operation": "delete" },
  },
  {
    trigger: "kinesis",
    says: "one record with a caller",
    event: kinesis(inJson),
    name: "process clicks",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: {
      "aws.kinesis.stream_name": "clicks",
      "messaging.destination.partition.id": "shardId-000000000006",
      "messaging.message.id": "0",
    },
  },
  {
    trigger: "kinesis",
    says: "two callers",
    event: kinesis(...[1, 2].map((n) => JSON.stringify({ _traceContext: { traceparent: other(n) } })), "plain"),
    name: "process clicks",
    kind: "consumer",
    faas: "pubsub",
    links: 2,
    tags: { "messaging.batch.message_count": 3 },
  },
  {
    trigger: "kinesis",
    says: "no JSON",
    event: kinesis("\u0000\u0001"),
    name: "process clicks",
    kind: "consumer",
    faas: "pubsub",
    tags: {},
  },
  {
    trigger: "firehose",
    says: "one record with a caller",
    event: firehose(inJson),
    name: "process archive",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "messaging.system": "aws_firehose" },
  },
  {
    trigger: "firehose",
    says: "two records",
    event: firehose("a", "b"),
    name: "process archive",
    kind: "consumer",
    faas: "pubsub",
    tags: { "messaging.batch.message_count": 2 },
  },
  {
    trigger: "firehose",
    says: "none",
    event: firehose(),
    name: "process archive",
    kind: "consumer",
    faas: "pubsub",
    tags: { "messaging.batch.message_count": 0 },
  },
  {
    trigger: "msk",
    says: "one record with a caller",
    event: msk([kafkaRecord("clicks", 7, traceparent)]),
    name: "process clicks",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "messaging.system": "kafka", "messaging.destination.partition.id": "0", "messaging.kafka.offset": 7 },
  },
  {
    trigger: "msk",
    says: "two callers",
    event: msk([kafkaRecord("clicks", 7, other(1)), kafkaRecord("clicks", 8, other(2))]),
    name: "process clicks",
    kind: "consumer",
    faas: "pubsub",
    links: 2,
    tags: { "messaging.kafka.offset": undefined },
  },
  {
    trigger: "msk",
    says: "none",
    event: msk([kafkaRecord("clicks", 7)]),
    name: "process clicks",
    kind: "consumer",
    faas: "pubsub",
    tags: {},
  },
  {
    trigger: "kafka",
    says: "one record with a caller",
    event: selfManaged({ "a-0": [kafkaRecord("a", 1, traceparent)] }),
    name: "process a",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: {},
  },
  {
    trigger: "kafka",
    says: "two topics",
    event: selfManaged({ "a-0": [kafkaRecord("a", 1, other(1))], "b-0": [kafkaRecord("b", 1, other(2))] }),
    name: "process multiple_sources",
    kind: "consumer",
    faas: "pubsub",
    links: 2,
    tags: { "messaging.batch.message_count": 2 },
  },
  {
    trigger: "kafka",
    says: "none",
    event: selfManaged({}),
    name: "process multiple_sources",
    kind: "consumer",
    faas: "pubsub",
    tags: { "messaging.batch.message_count": 0 },
  },
  {
    trigger: "activemq",
    says: "one message with a caller",
    event: active({ traceparent }),
    name: "process invoices",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "messaging.system": "activemq", "messaging.message.id": "ID:0" },
  },
  {
    trigger: "activemq",
    says: "two callers",
    event: active({ traceparent: other(1) }, { traceparent: other(2) }),
    name: "process invoices",
    kind: "consumer",
    faas: "pubsub",
    links: 2,
    tags: {},
  },
  { trigger: "activemq", says: "no properties", event: active({}), name: "process invoices", kind: "consumer", faas: "pubsub", tags: {} },
  {
    trigger: "rabbitmq",
    says: "a header in bytes",
    event: rabbit({ "invoices::/": [{ traceparent: { bytes: bytes(traceparent) } }] }),
    name: "process invoices",
    kind: "consumer",
    faas: "pubsub",
    hasParent: true,
    tags: { "messaging.system": "rabbitmq", "messaging.message.id": "r0" },
  },
  {
    trigger: "rabbitmq",
    says: "headers in text, two queues",
    event: rabbit({ "a::/": [{ traceparent: other(1) }], "b::/": [{ traceparent: other(2) }] }),
    name: "process multiple_sources",
    kind: "consumer",
    faas: "pubsub",
    links: 2,
    tags: {},
  },
  {
    trigger: "rabbitmq",
    says: "no headers",
    event: rabbit({ "a::/": [null] }),
    name: "process a",
    kind: "consumer",
    faas: "pubsub",
    tags: {},
  },
]

// --- Services

const machine = {
  Execution: { Id: arn("states", "execution:shop:run"), Name: "run", StartTime: "t" },
  State: { EnteredTime: "t", Name: "Charge", RetryCount: 2 },
  StateMachine: { Id: arn("states", "stateMachine:shop"), Name: "shop" },
}
const machineTags = {
  "aws.step_functions.state_machine.name": "shop",
  "aws.step_functions.state.name": "Charge",
  "aws.step_functions.retry_count": 2,
}

const appSync = (parentTypeName: string, headers: Record<string, string>): AppSyncResolverEvent<object> =>
  ({
    arguments: { id: "1" },
    identity: null,
    source: null,
    request: { headers, domainName: null },
    info: { selectionSetList: ["id"], selectionSetGraphQL: "{ id }", parentTypeName, fieldName: "order", variables: {} },
    prev: null,
    stash: {},
  }) satisfies AppSyncResolverEvent<object>

const cognito = {
  version: "1",
  region: "eu-west-1",
  userPoolId: "eu-west-1_abc",
  userName: "jane",
  callerContext: { awsSdkVersion: "3", clientId: "c" },
}
const lex2 = {
  messageVersion: "1.0",
  invocationSource: "FulfillmentCodeHook",
  inputMode: "Text",
  responseContentType: "text/plain",
  sessionId: "s",
  inputTranscript: "my secret",
  bot: { id: "b", name: "Flowers", localeId: "en_US", version: "1", aliasId: "a", aliasName: "a" },
  interpretations: [],
  proposedNextState: { dialogAction: { type: "Close" } as never, intent: {} as never, prompt: {} as never },
  requestAttributes: {},
  sessionState: {
    intent: { name: "Order", slots: {}, state: "InProgress", confirmationState: "None" },
    sessionAttributes: {},
    originatingRequestId: "o",
    activeContexts: [],
  },
  transcriptions: [],
}
const logs = (data: string): CloudWatchLogsEvent => ({ awslogs: { data } }) satisfies CloudWatchLogsEvent
const mail = (action: SESEvent["Records"][0]["ses"]["receipt"]["action"]): SESEvent =>
  ({
    Records: [
      {
        eventSource: "aws:ses",
        eventVersion: "1.0",
        ses: {
          mail: {
            timestamp: "t",
            source: "jane@example.com",
            messageId: "mail1",
            destination: ["a@example.com"],
            headersTruncated: false,
            headers: [],
            commonHeaders: { returnPath: "x", date: "d", messageId: "x", subject: "secret" },
          },
          receipt: {
            timestamp: "t",
            processingTimeMillis: 1,
            recipients: ["a@example.com"],
            spamVerdict: { status: "PASS" },
            virusVerdict: { status: "PASS" },
            spfVerdict: { status: "PASS" },
            dkimVerdict: { status: "PASS" },
            dmarcVerdict: { status: "PASS" },
            action,
          },
        },
      },
    ],
  }) satisfies SESEvent
const job = (id: string): CodePipelineEvent =>
  ({
    "CodePipeline.job": {
      id,
      accountId: ACCOUNT,
      data: {
        actionConfiguration: { configuration: { FunctionName: "f", UserParameters: "secret" } },
        inputArtifacts: [],
        outputArtifacts: [],
        artifactCredentials: { accessKeyId: "AKID", secretAccessKey: "s", sessionToken: "t" },
      },
    },
  }) satisfies CodePipelineEvent
const resource = {
  ServiceToken: "t",
  ResponseURL: "https://secret",
  StackId: arn("cloudformation", "stack/shop/1"),
  RequestId: "r",
  LogicalResourceId: "Table",
  ResourceType: "Custom::Table",
  ResourceProperties: { ServiceToken: "t", Password: "s3cret" },
}
const alarm = (value: string): CloudWatchAlarmEvent => ({
  source: "aws.cloudwatch",
  alarmArn: arn("cloudwatch", `alarm:${value}`),
  accountId: ACCOUNT,
  time: "t",
  region: "eu-west-1",
  alarmData: {
    alarmName: value,
    state: { value: "ALARM", reason: "r", reasonData: "{}", timestamp: "t" },
    previousState: { value: "OK", reason: "r", reasonData: "{}", timestamp: "t" },
    configuration: { description: "d", metrics: [] },
  } as never,
})
const batchJob = (bucket: string): S3BatchEvent =>
  ({
    invocationSchemaVersion: "1.0",
    invocationId: "i",
    job: { id: "j" },
    tasks: [{ taskId: "t", s3Key: "private", s3VersionId: null, s3BucketArn: `arn:aws:s3:::${bucket}` }],
  }) satisfies S3BatchEvent
const rotation = (Step: SecretsManagerRotationEvent["Step"]): SecretsManagerRotationEvent =>
  ({ Step, SecretId: arn("secretsmanager", "secret:db-abc"), ClientRequestToken: "t" }) satisfies SecretsManagerRotationEvent
const contact = (channel: "VOICE" | "CHAT"): ConnectContactFlowEvent =>
  ({
    Name: "ContactFlowEvent",
    Details: {
      ContactData: {
        Attributes: {},
        Channel: channel,
        ContactId: "c",
        CustomerEndpoint: { Address: "+491234", Type: "TELEPHONE_NUMBER" },
        InitialContactId: "i",
        InitiationMethod: "INBOUND",
        InstanceARN: arn("connect", "instance/i1"),
        PreviousContactId: "p",
        Queue: null,
        SystemEndpoint: null,
        MediaStreams: { Customer: { Audio: null as never } },
      },
      Parameters: {},
    },
  }) as ConnectContactFlowEvent
const durable = (operations: object[]) => ({
  DurableExecutionArn: arn("lambda", "function:checkout:1/durable-execution/e1"),
  CheckpointToken: "t",
  InitialExecutionState: { Operations: operations, NextMarker: "" },
})
const input = (payload: string) => ({ Id: "0", Type: "EXECUTION", Status: "STARTED", ExecutionDetails: { InputPayload: payload } })
const durableTags = { "aws.lambda.durable_execution.arn": arn("lambda", "function:checkout:1/durable-execution/e1") }

const other_ = { name: FUNCTION, kind: "server" as const, faas: "other" as const }

const SERVICES: Row[] = [
  {
    trigger: "step-functions",
    says: "the context object with a caller",
    event: { ...machine, _traceContext: { traceparent } },
    ...other_,
    hasParent: true,
    tags: machineTags,
  },
  { trigger: "step-functions", says: "under Context", event: { Context: machine, input: 1 }, ...other_, tags: machineTags },
  { trigger: "step-functions", says: "under _context", event: { _context: machine }, ...other_, tags: machineTags },
  {
    trigger: "appsync",
    says: "a query with a caller",
    event: appSync("Query", { traceparent }),
    name: "query order",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: { "graphql.operation.type": "query", "aws.appsync.field": "Query.order" },
  },
  {
    trigger: "appsync",
    says: "a field of a type",
    event: appSync("User", {}),
    name: "User.order",
    kind: "server",
    faas: "http",
    tags: { "graphql.operation.type": undefined },
  },
  {
    trigger: "appsync",
    says: "a batch",
    event: [appSync("Mutation", { traceparent }), appSync("Mutation", {})],
    name: "mutation order",
    kind: "server",
    faas: "http",
    hasParent: true,
    tags: { "aws.batch.record_count": 2 },
  },
  {
    trigger: "cognito",
    says: "a sign-up",
    event: {
      ...cognito,
      triggerSource: "PreSignUp_SignUp",
      request: { userAttributes: { email: "jane@example.com" } },
      response: { autoConfirmUser: false, autoVerifyEmail: false, autoVerifyPhone: false },
    } satisfies PreSignUpTriggerEvent,
    ...other_,
    tags: { "aws.cognito.trigger_source": "PreSignUp_SignUp", "aws.cognito.user_pool.id": "eu-west-1_abc" },
  },
  {
    trigger: "cognito",
    says: "a confirmation",
    event: {
      ...cognito,
      triggerSource: "PostConfirmation_ConfirmSignUp",
      request: { userAttributes: {} },
      response: {},
    } satisfies PostConfirmationTriggerEvent,
    ...other_,
    tags: { "aws.cognito.trigger_source": "PostConfirmation_ConfirmSignUp" },
  },
  {
    trigger: "cognito",
    says: "with Lambda's own trace header",
    event: { ...cognito, triggerSource: "CustomMessage_SignUp" },
    env: header,
    ...other_,
    hasParent: true,
    tags: {},
  },
  {
    trigger: "lex",
    says: "version 2",
    event: lex2 as unknown as LexV2Event,
    ...other_,
    tags: { "aws.lex.bot.name": "Flowers", "aws.lex.intent.name": "Order" },
  },
  {
    trigger: "lex",
    says: "version 1",
    event: {
      messageVersion: "1.0",
      bot: { name: "Flowers", alias: "a", version: "1" },
      currentIntent: { name: "Order", slots: {} },
      userId: "u",
    },
    ...other_,
    tags: { "aws.lex.intent.name": "Order" },
  },
  {
    trigger: "lex",
    says: "without an intent",
    event: { ...lex2, sessionState: {} },
    ...other_,
    tags: { "aws.lex.intent.name": undefined },
  },
  {
    trigger: "iot",
    says: "a provisioning hook",
    event: {
      claimCertificateId: "c",
      certificateId: "c",
      certificatePem: "p",
      templateArn: "t",
      clientId: "i",
      parameters: {},
    } satisfies IoTPreProvisioningHookEvent,
    ...other_,
    tags: { "aws.iot.source": "provisioning" },
  },
  {
    trigger: "iot",
    says: "an authorizer",
    event: {
      token: "s3cret",
      signatureVerified: true,
      protocols: ["mqtt"],
      protocolData: { mqtt: { clientId: "c" } },
      connectionMetadata: { id: "1" },
    },
    ...other_,
    tags: { "aws.iot.source": "authorizer" },
  },
  {
    trigger: "iot",
    says: "a button",
    event: { serialNumber: "GXXX", clickType: "SINGLE", batteryVoltage: "2000 mV" },
    ...other_,
    tags: { "aws.iot.source": "button" },
  },
  ...["H4sIA", "", "not base64"].map(
    (data): Row => ({
      trigger: "logs",
      says: JSON.stringify(data),
      event: logs(data),
      name: FUNCTION,
      kind: "server",
      faas: "pubsub",
      tags: { "messaging.system": "aws_logs" },
    }),
  ),
  ...(
    [
      { type: "Lambda", functionArn: "f", invocationType: "Event" },
      { type: "S3", topicArn: "t", bucketName: "b", objectKey: "k" },
      { type: "Stop", topicArn: "t" },
    ] as never[]
  ).map(
    (action: { type: string }): Row => ({
      trigger: "ses",
      says: action.type,
      event: mail(action as never),
      name: FUNCTION,
      kind: "server",
      faas: "pubsub",
      tags: { "messaging.message.id": "mail1", "aws.ses.action": action.type },
    }),
  ),
  ...["j1", "j2", "j3"].map(
    (id): Row => ({ trigger: "codepipeline", says: id, event: job(id), ...other_, tags: { "aws.codepipeline.job.id": id } }),
  ),
  {
    trigger: "cloudformation",
    says: "create",
    event: { ...resource, RequestType: "Create" } satisfies CloudFormationCustomResourceEvent,
    ...other_,
    tags: { "aws.cloudformation.request_type": "Create", "aws.cloudformation.resource_type": "Custom::Table" },
  },
  {
    trigger: "cloudformation",
    says: "update",
    event: {
      ...resource,
      RequestType: "Update",
      PhysicalResourceId: "p",
      OldResourceProperties: { ServiceToken: "t" },
    } satisfies CloudFormationCustomResourceEvent,
    ...other_,
    tags: { "aws.cloudformation.request_type": "Update" },
  },
  {
    trigger: "cloudformation",
    says: "delete",
    event: { ...resource, RequestType: "Delete", PhysicalResourceId: "p" } satisfies CloudFormationCustomResourceEvent,
    ...other_,
    tags: { "aws.cloudformation.request_type": "Delete" },
  },
  ...["high-cpu", "errors", "composite"].map(
    (value): Row => ({
      trigger: "alarm",
      says: value,
      event: alarm(value),
      ...other_,
      tags: { "aws.cloudwatch.alarm.arn": arn("cloudwatch", `alarm:${value}`) },
    }),
  ),
  ...["a", "b", "c"].map(
    (bucket): Row => ({
      trigger: "s3-batch",
      says: bucket,
      event: batchJob(bucket),
      name: FUNCTION,
      kind: "server",
      faas: "datasource",
      tags: { "aws.s3.bucket": bucket },
    }),
  ),
  ...(["createSecret", "setSecret", "finishSecret"] as const).map(
    (step): Row => ({
      trigger: "secrets-manager",
      says: step,
      event: rotation(step),
      ...other_,
      tags: { "aws.secretsmanager.rotation.step": step },
    }),
  ),
  ...(["VOICE", "CHAT", "VOICE"] as const).map(
    (channel, n): Row => ({
      trigger: "connect",
      says: `${channel} ${n}`,
      event: contact(channel),
      ...other_,
      tags: { "aws.connect.channel": channel },
    }),
  ),
  {
    trigger: "durable",
    says: "the first time, with a caller",
    event: durable([input(inJson)]),
    ...other_,
    hasParent: true,
    tags: { ...durableTags, "aws.lambda.durable_execution.is_replay": false },
  },
  {
    trigger: "durable",
    says: "a replay",
    event: durable([input("{}"), { Id: "1", Type: "STEP" }]),
    ...other_,
    tags: { "aws.lambda.durable_execution.is_replay": true },
  },
  { trigger: "durable", says: "without operations", event: durable([]), ...other_, tags: durableTags },
  {
    trigger: "lambda",
    says: "a client context",
    event: { order: 1 },
    context: { clientContext: { custom: { traceparent } } },
    ...other_,
    hasParent: true,
    tags: {},
  },
  {
    trigger: "lambda",
    says: "the SDK's spelling of it",
    event: null,
    context: { clientContext: { Custom: { traceparent } } },
    ...other_,
    hasParent: true,
    tags: {},
  },
  { trigger: "lambda", says: "only Lambda's own trace header", event: { order: 1 }, env: header, ...other_, hasParent: true, tags: {} },
  { trigger: "lambda", says: "a payload with a caller", event: { ...traced }, ...other_, hasParent: true, tags: {} },
  ...[undefined, null, "text", 7, [], {}, { Records: [] }, { Records: "x" }, { requestContext: null }, [1, 2]].map(
    (event, n): Row => ({ trigger: "plain", says: `${n}: ${JSON.stringify(event)}`, event, ...other_, tags: {} }),
  ),
  {
    trigger: "plain",
    says: "a trace header that Lambda has made up itself",
    event: {},
    env: `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0`,
    ...other_,
    tags: {},
  },
]

/** Every event of the corpus, with its span. */
export const ROWS: readonly Row[] = [...HTTP, ...MESSAGES, ...STREAMS, ...SERVICES]
