import type { Description, SpanKind, Tags } from "../core/contracts.ts"
import { type AwsCall, s3Place } from "./_aws-call.ts"
import { type BodyText, jsonOf, valueOf, valuesOf } from "./_aws-text.ts"

/** Field of the body > attribute; `[]` makes a list of all that there are. Never a field that holds what a user stores. */
const REQUEST: Readonly<Record<string, string>> = {
  dynamodb:
    "TableName>aws.dynamodb.table_names[] IndexName>aws.dynamodb.index_name ConsistentRead>aws.dynamodb.consistent_read Limit>aws.dynamodb.limit Select>aws.dynamodb.select ScanIndexForward>aws.dynamodb.scan_forward ProjectionExpression>aws.dynamodb.projection Segment>aws.dynamodb.segment TotalSegments>aws.dynamodb.total_segments ExclusiveStartTableName>aws.dynamodb.exclusive_start_table",
  kinesis: "StreamName>aws.kinesis.stream_name StreamARN>aws.kinesis.stream_name",
  firehose: "DeliveryStreamName>aws.firehose.delivery_stream.name",
  events: "EventBusName>aws.eventbridge.event_bus.name",
  states: "stateMachineArn>aws.step_functions.state_machine.arn activityArn>aws.step_functions.activity.arn",
  secretsmanager: "SecretId>aws.secretsmanager.secret.name",
  ssm: "Name>aws.ssm.parameter.name",
  kms: "KeyId>aws.kms.key.id",
  logs: "logGroupName>aws.log.group.names[] logStreamName>aws.log.stream.names[]",
  monitoring: "Namespace>aws.cloudwatch.namespace",
}

/** The same for answers that are worth a look. */
const RESPONSE: Readonly<Record<string, string>> = {
  dynamodb: "Count>aws.dynamodb.count ScannedCount>aws.dynamodb.scanned_count",
  sqs: "",
  sns: "",
  kinesis: "FailedRecordCount>aws.failed_entry_count",
  firehose: "FailedPutCount>aws.failed_entry_count",
  events: "FailedEntryCount>aws.failed_entry_count",
  states: "executionArn>aws.step_functions.execution.arn",
  bedrock:
    "inputTokens>gen_ai.usage.input_tokens outputTokens>gen_ai.usage.output_tokens input_tokens>gen_ai.usage.input_tokens output_tokens>gen_ai.usage.output_tokens",
}

/** How many entries a batch has: the field that every entry has once. */
const ENTRIES: Readonly<Record<string, string>> = {
  SendMessageBatch: "MessageBody",
  DeleteMessageBatch: "ReceiptHandle",
  ChangeMessageVisibilityBatch: "ReceiptHandle",
  PutEvents: "DetailType",
  PutRecords: "PartitionKey",
}

const MESSAGING = /^(Send|Publish|Receive|Delete|Change)(Message)?(Visibility)?(Batch)?$/

/** OpenTelemetry, "AWS SDK", "DynamoDB", "S3", "AWS SQS", "AWS SNS": what the request says. `body` is empty until it is known. Pure. */
export function describeAws(call: AwsCall, body: BodyText, showObjectKeys: boolean): Description {
  const { service, scope, region, host, port, method } = call
  const operation = call.operation ?? (valueOf(body, "Action") as string | undefined)
  const common = {
    "cloud.region": region,
    "server.address": host,
    "server.port": port ?? 443,
    ...fields(REQUEST[scope], body),
    ...placeOf(call, body, operation, showObjectKeys),
  }
  const messaging = (scope === "sqs" || scope === "sns") && operation !== undefined ? messagingOf(scope, operation, body) : undefined
  if (messaging !== undefined) return { ...messaging, tags: { ...common, ...messaging.tags } }
  // Which of the two it is only the body tells.
  if (scope === "sns" && operation === undefined) return { operationName: service, kind: "client", tags: common }
  return {
    operationName: `${service}.${operation ?? method}`,
    kind: "client",
    tags: { "rpc.system": "aws-api", "rpc.service": service, "rpc.method": operation, ...common },
  }
}

function messagingOf(scope: string, operation: string, body: BodyText): Description | undefined {
  if (!MESSAGING.test(operation)) return undefined
  const type = /^(Send|Publish)/.test(operation) ? "send" : operation === "ReceiveMessage" ? "receive" : "settle"
  const place = String(valueOf(body, scope === "sqs" ? "QueueUrl" : "TopicArn") ?? valueOf(body, "TargetArn") ?? "")
  const name = place.slice(Math.max(place.lastIndexOf("/"), scope === "sns" ? place.lastIndexOf(":") : -1) + 1) || undefined
  const kind: SpanKind = type === "send" ? "producer" : "client"
  return {
    operationName: name === undefined ? operation : `${operation} ${name}`,
    kind,
    tags: {
      "messaging.system": scope === "sqs" ? "aws_sqs" : "aws.sns",
      "messaging.operation.name": operation,
      "messaging.operation.type": type,
      "messaging.destination.name": name,
      [scope === "sqs" ? "aws.sqs.queue.url" : "aws.sns.topic.arn"]: place || undefined,
      "messaging.batch.message_count": operation.endsWith("Batch") ? entriesOf(scope, operation, body) : undefined,
    },
  }
}

function entriesOf(scope: string, operation: string, body: BodyText): number | undefined {
  if (scope === "sns") return (body.match(/\.member\.\d+\.Id=/g) ?? []).length || undefined
  return valuesOf(body, ENTRIES[operation] ?? "").length || undefined
}

/** What is named by the path or takes more than a look at one field. */
function placeOf(call: AwsCall, body: BodyText, operation: string | undefined, showObjectKeys: boolean): Tags {
  const { scope, path, query, region } = call
  switch (scope) {
    case "s3": {
      const { bucket, key } = s3Place(call)
      const part = /(?:^|&)partNumber=(\d+)/.exec(query)?.[1]
      return {
        "aws.s3.bucket": bucket,
        "aws.s3.upload_id": /(?:^|&)uploadId=([^&]+)/.exec(query)?.[1],
        "aws.s3.part_number": part && Number(part),
        ...(showObjectKeys && { "aws.s3.key": key && unescape(key), "aws.s3.copy_source": call.header("x-amz-copy-source") }),
      }
    }
    case "lambda": {
      const named = /\/functions\/([^/]+)/.exec(path)?.[1]
      if (named === undefined) return {}
      const given = unescape(named)
      // arn:aws:lambda:region:account:function:name:alias, account:function:name, or the name alone.
      const [, name = given] = /function:([^:]+)/.exec(given) ?? []
      return { "faas.invoked_name": name.split(":")[0], "faas.invoked_provider": "aws", "faas.invoked_region": /:lambda:([^:]+)/.exec(given)?.[1] ?? region }
    }
    case "dynamodb": {
      const items = operation?.startsWith("Batch") ? jsonOf(body, "RequestItems") : undefined
      return { "db.system.name": "aws.dynamodb", ...(items !== null && typeof items === "object" && { "aws.dynamodb.table_names": Object.keys(items) }) }
    }
    case "secretsmanager": {
      const id = valueOf(body, "SecretId")
      return typeof id === "string" && id.startsWith("arn:") ? { "aws.secretsmanager.secret.arn": id, "aws.secretsmanager.secret.name": undefined } : {}
    }
    case "bedrock": {
      const model = /\/model\/([^/]+)/.exec(path)?.[1]
      return model === undefined ? {} : { "gen_ai.provider.name": "aws.bedrock", "gen_ai.request.model": unescape(model) }
    }
    case "scheduler":
      return { "aws.scheduler.schedule.name": /^\/schedules\/([^/]+)/.exec(path)?.[1] }
    case "events":
    case "kinesis":
      return { "messaging.batch.message_count": ENTRIES[operation ?? ""] && (valuesOf(body, ENTRIES[operation ?? ""] ?? "").length || undefined) }
    default:
      return {}
  }
}

/** Whether the body of a good answer is looked at. A bad one always is. */
export function isTellingAnswer({ scope, operation = "" }: AwsCall): boolean {
  return RESPONSE[scope] !== undefined || FAILS_LATE.test(operation)
}

/** S3 begins to answer before it knows the outcome: an error in the body of a 200. */
const FAILS_LATE = /^(Copy|CompleteMultipartUpload|UploadPartCopy)/

/** S3 and Lambda take whatever a user stores or sends; all that is asked of them stands in the path. */
export function isTellingRequest({ scope, isPresigned }: AwsCall): boolean {
  return !isPresigned && (REQUEST[scope] !== undefined || scope === "sqs" || scope === "sns" || scope === "sts" || scope === "ec2" || scope === "iam")
}

export interface AwsAnswer {
  readonly status: number | undefined
  readonly header: (name: string) => string | undefined
  readonly body: BodyText
}

/** What the answer says: ids, counts, capacity, and why it failed. Pure. */
export function answerFacts(call: AwsCall, operation: string | undefined, { status, header, body }: AwsAnswer): Tags {
  const functionError = header("x-amz-function-error")
  const isBad = (status !== undefined && status >= 400) || (FAILS_LATE.test(operation ?? "") && body.includes("<Error>"))
  const code = isBad ? errorCode(header, body) : undefined
  const failed = isBad || functionError !== undefined
  return {
    "http.response.status_code": status,
    "aws.request_id": header("x-amzn-requestid") ?? header("x-amz-request-id") ?? header("x-amzn-request-id") ?? valueOf(body, "RequestId"),
    "aws.extended_request_id": header("x-amz-id-2"),
    ...(failed && { error: true, "error.type": functionError ?? code ?? String(status) }),
    ...(isThrottle(status, code) && { "aws.throttled": true }),
    ...(!failed && successFacts(call, operation, header, body)),
  }
}

function successFacts({ scope }: AwsCall, operation: string | undefined, header: AwsAnswer["header"], body: BodyText): Tags {
  const found = fields(RESPONSE[scope], body)
  if (scope === "dynamodb") {
    const capacity = jsonOf(body, "ConsumedCapacity")
    const tables = operation === "ListTables" ? jsonOf(body, "TableNames") : undefined
    return {
      ...found,
      "aws.dynamodb.consumed_capacity": capacity === undefined ? undefined : (Array.isArray(capacity) ? capacity : [capacity]).map((each) => JSON.stringify(each)),
      "aws.dynamodb.table_count": Array.isArray(tables) ? tables.length : undefined,
    }
  }
  if (scope === "bedrock") {
    const [input, output] = [header("x-amzn-bedrock-input-token-count"), header("x-amzn-bedrock-output-token-count")]
    return { ...found, ...(input && { "gen_ai.usage.input_tokens": Number(input) }), ...(output && { "gen_ai.usage.output_tokens": Number(output) }) }
  }
  if (scope !== "sqs" && scope !== "sns") return found
  const ids = valuesOf(body, "MessageId")
  const isBatch = operation?.endsWith("Batch")
  return {
    "messaging.message.id": ids.length === 1 && !isBatch ? ids[0] : undefined,
    "messaging.batch.message_count": operation === "ReceiveMessage" ? valuesOf(body, "ReceiptHandle").length : undefined,
    "aws.failed_entry_count": isBatch ? valuesOf(body, "SenderFault").length || undefined : undefined,
  }
}

/** The error's name in every protocol: a header (REST), `__type` (JSON, CBOR), `<Code>` (XML), `code`. */
function errorCode(header: AwsAnswer["header"], body: BodyText): string | undefined {
  const given = header("x-amzn-errortype") ?? valueOf(body, "__type") ?? valueOf(body, "Code") ?? valueOf(body, "code")
  if (given === undefined) return undefined
  // "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException:http://…"
  const [name = ""] = String(given).split(":")
  return name.slice(name.indexOf("#") + 1) || undefined
}

const THROTTLED = /throttl|TooManyRequests|RequestLimitExceeded|SlowDown|ThroughputExceeded|LimitExceeded|PriorRequestNotComplete/i
const PASSING = /TransactionInProgress|RequestTimeout|Skew|RequestExpired|InternalError|ServiceUnavailable|IDPCommunicationError/i

function isThrottle(status: number | undefined, code: string | undefined): boolean {
  return status === 429 || (code !== undefined && THROTTLED.test(code))
}

/** Whether the SDK may try again after this. It alone decides. */
export function mayBeRetried(tags: Tags, error: unknown): boolean {
  if (error !== undefined && error !== null) return (error as { name?: unknown }).name !== "AbortError"
  const status = Number(tags["http.response.status_code"] ?? 0)
  return status >= 500 || tags["aws.throttled"] === true || (status >= 400 && PASSING.test(String(tags["error.type"])))
}

function fields(table: string | undefined, body: BodyText): Tags {
  const tags: Record<string, unknown> = {}
  if (!table || body === "") return tags
  for (const pair of table.split(" ")) {
    const [key = "", attribute = ""] = pair.split(">")
    const values = valuesOf(body, key)
    if (values.length === 0) continue
    if (attribute.endsWith("[]")) tags[attribute.slice(0, -2)] = [...new Set(values)]
    else tags[attribute] ??= values[0]
  }
  return tags
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
