import type { Description, Tags } from "../core/contracts.ts"
import { type AwsCall, s3Place } from "./_aws-call.ts"
import { type Body, bodyOf, jsonOf, objectsOf, unescape } from "./_aws-text.ts"
import type { Response } from "./_http.ts"

const TABLE = "TableName>aws.dynamodb.table_names[]"
/** By service, or operation of DynamoDB: field of the body > attribute; `[]` makes a list of all that there are. Never a field that holds what a user stores. */
const REQUEST: Readonly<Record<string, string>> = {
  dynamodb: `${TABLE} IndexName>aws.dynamodb.index_name ConsistentRead>aws.dynamodb.consistent_read Limit>aws.dynamodb.limit Select>aws.dynamodb.select ScanIndexForward>aws.dynamodb.scan_forward ProjectionExpression>aws.dynamodb.projection Segment>aws.dynamodb.segment TotalSegments>aws.dynamodb.total_segments ExclusiveStartTableName>aws.dynamodb.exclusive_start_table`,
  // What is not there is looked for in all of a body, and these may bring along all of an item.
  PutItem: TABLE,
  UpdateItem: TABLE,
  DeleteItem: TABLE,
  GetItem: `${TABLE} ConsistentRead>aws.dynamodb.consistent_read ProjectionExpression>aws.dynamodb.projection`,
  kinesis: "StreamName>aws.kinesis.stream_name StreamARN>aws.kinesis.stream_name",
  firehose: "DeliveryStreamName>aws.firehose.delivery_stream.name",
  events: "EventBusName>aws.eventbridge.event_bus.name",
  states: "stateMachineArn>aws.step_functions.state_machine.arn activityArn>aws.step_functions.activity.arn",
  secretsmanager: "",
  ssm: "Name>aws.ssm.parameter.name",
  kms: "KeyId>aws.kms.key.id",
  logs: "logGroupName>aws.log.group.names[] logStreamName>aws.log.stream.names[]",
  monitoring: "Namespace>aws.cloudwatch.namespace",
  sqs: "",
  sns: "",
  sts: "",
  ec2: "",
  iam: "",
}

const COUNTS = "Count>aws.dynamodb.count ScannedCount>aws.dynamodb.scanned_count"
/** The same for answers that are worth a look. */
const RESPONSE: Readonly<Record<string, string>> = {
  dynamodb: "",
  Query: COUNTS,
  Scan: COUNTS,
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

type Facts = Record<string, unknown>

/** OpenTelemetry, "AWS SDK", "S3", "AWS SQS", "AWS SNS": what the request line and the headers say. Pure. */
export function describeAws(call: AwsCall, showObjectKeys: boolean): Description {
  const { service, scope, operation, region, host, port, method } = call
  const isRpc = !isMessaging(scope, operation)
  const tags: Facts = {
    "rpc.system": isRpc ? "aws-api" : undefined,
    "rpc.service": isRpc ? service : undefined,
    "rpc.method": isRpc ? operation : undefined,
    "cloud.region": region,
    "server.address": host,
    "server.port": port,
  }
  addPathFacts(tags, call, showObjectKeys)
  if (isRpc) return { operationName: `${service}.${operation ?? method}`, kind: "client", tags }
  return { operationName: operation ?? service, kind: SENDS.test(operation ?? "") ? "producer" : "client", tags }
}

const SENDS = /^(Send|Publish)/
const MESSAGING = /^(Send|Publish|Receive|Delete|Change)(Message)?(Visibility)?(Batch)?$/

/** Of SNS, whose protocol names the operation in the body, only the body tells. */
function isMessaging(scope: string, operation: string | undefined): boolean {
  return (
    (scope === "sqs" && operation !== undefined && MESSAGING.test(operation)) ||
    (scope === "sns" && (operation === undefined || MESSAGING.test(operation)))
  )
}

/** What the path names. */
function addPathFacts(tags: Facts, { scope, host, path, query, region, header }: AwsCall, showObjectKeys: boolean): void {
  switch (scope) {
    case "s3": {
      const { bucket, key } = s3Place({ host, path })
      const part = /(?:^|&)partNumber=(\d+)/.exec(query)?.[1]
      tags["aws.s3.bucket"] = bucket
      tags["aws.s3.upload_id"] = /(?:^|&)uploadId=([^&]+)/.exec(query)?.[1]
      tags["aws.s3.part_number"] = part && Number(part)
      if (!showObjectKeys) return
      tags["aws.s3.key"] = key && unescape(key)
      tags["aws.s3.copy_source"] = header("x-amz-copy-source")
      return
    }
    case "lambda": {
      const named = /\/functions\/([^/]+)/.exec(path)?.[1]
      if (named === undefined) return
      const given = unescape(named)
      // arn:aws:lambda:region:account:function:name:alias, account:function:name, or the name alone.
      const [, name = given] = /function:([^:]+)/.exec(given) ?? []
      tags["faas.invoked_name"] = name.split(":", 1)[0]
      tags["faas.invoked_provider"] = "aws"
      tags["faas.invoked_region"] = /:lambda:([^:]+)/.exec(given)?.[1] ?? region
      return
    }
    case "dynamodb":
      tags["db.system.name"] = "aws.dynamodb"
      return
    case "bedrock": {
      const model = /\/model\/([^/]+)/.exec(path)?.[1]
      if (model === undefined) return
      tags["gen_ai.provider.name"] = "aws.bedrock"
      tags["gen_ai.request.model"] = unescape(model)
      return
    }
    case "scheduler":
      tags["aws.scheduler.schedule.name"] = /^\/schedules\/([^/]+)/.exec(path)?.[1]
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
  return !isPresigned && REQUEST[scope] !== undefined
}

/** What the body of the request adds. Pure. */
export function requestFacts(call: AwsCall, text: string): Partial<Description> & { readonly operation: string | undefined } {
  const { scope, service } = call
  const body = bodyOf(text)
  const operation = call.operation ?? (body.value("Action") as string | undefined)
  if (operation !== undefined && isMessaging(scope, operation)) return messagingFacts(scope, operation, body)
  const isNew = call.operation === undefined && operation !== undefined
  const tags: Facts = isNew ? { "rpc.system": "aws-api", "rpc.service": service, "rpc.method": operation } : {}
  addFields(tags, REQUEST, scope, operation, body)
  const entries = ENTRIES[operation ?? ""]
  if (entries !== undefined) tags["messaging.batch.message_count"] = body.values(entries).length || undefined
  if (scope === "dynamodb" && operation?.startsWith("Batch"))
    tags["aws.dynamodb.table_names"] = Object.keys(jsonOf(text, "RequestItems") ?? {})
  if (scope === "secretsmanager") {
    const id = body.value("SecretId")
    tags[String(id).startsWith("arn:") ? "aws.secretsmanager.secret.arn" : "aws.secretsmanager.secret.name"] = id
  }
  return isNew ? { operation, operationName: `${service}.${operation}`, tags } : { operation, tags }
}

function messagingFacts(scope: string, operation: string, body: Body): ReturnType<typeof requestFacts> {
  const isQueue = scope === "sqs"
  const type = SENDS.test(operation) ? "send" : operation === "ReceiveMessage" ? "receive" : "settle"
  const place = (isQueue ? body.value("QueueUrl") : (body.value("TopicArn") ?? body.value("TargetArn"))) as string | undefined
  const name = place?.slice(Math.max(place.lastIndexOf("/"), isQueue ? -1 : place.lastIndexOf(":")) + 1)
  const count = () => (isQueue ? body.values(ENTRIES[operation] ?? "") : (body.text.match(/\.member\.\d+\.Id=/g) ?? [])).length
  return {
    operation,
    operationName: name === undefined ? operation : `${operation} ${name}`,
    kind: type === "send" ? "producer" : "client",
    tags: {
      "messaging.system": isQueue ? "aws_sqs" : "aws.sns",
      "messaging.operation.name": operation,
      "messaging.operation.type": type,
      "messaging.destination.name": name,
      [isQueue ? "aws.sqs.queue.url" : "aws.sns.topic.arn"]: place,
      "messaging.batch.message_count": operation.endsWith("Batch") ? count() : undefined,
    },
  }
}

/** What the answer says: ids, counts, capacity, and why it failed. Pure. */
export function answerFacts(scope: string, operation: string | undefined, { status = 0, header }: Response, text: string): Facts {
  const body = bodyOf(text)
  const tags: Facts = {
    "http.response.status_code": status,
    "aws.request_id": header("x-amzn-requestid") ?? header("x-amz-request-id") ?? body.value("RequestId"),
  }
  if (scope === "s3") tags["aws.extended_request_id"] = header("x-amz-id-2")
  const functionError = scope === "lambda" ? header("x-amz-function-error") : undefined
  const failsLate = scope === "s3" && FAILS_LATE.test(operation ?? "") && text.includes("<Error>")
  if (status < 400 && functionError === undefined && !failsLate) {
    addSuccess(tags, scope, operation, header, body)
    return tags
  }
  const code = functionError ?? errorCode(header, body)
  if (status === 429 || (code !== undefined && THROTTLED.test(code))) tags["aws.throttled"] = true
  tags["error"] = true
  tags["error.type"] = code ?? String(status)
  return tags
}

function addSuccess(tags: Facts, scope: string, operation: string | undefined, header: Response["header"], body: Body): void {
  switch (scope) {
    case "sqs":
    case "sns": {
      const ids = body.values("MessageId")
      const isBatch = operation?.endsWith("Batch")
      tags["messaging.message.id"] = ids.length === 1 && !isBatch ? ids[0] : undefined
      tags["messaging.batch.message_count"] = operation === "ReceiveMessage" ? body.values("ReceiptHandle").length : undefined
      tags["aws.failed_entry_count"] = isBatch ? body.values("SenderFault").length || undefined : undefined
      return
    }
    case "dynamodb": {
      tags["aws.dynamodb.consumed_capacity"] = objectsOf(body.text, "ConsumedCapacity")
      if (operation === "ListTables") tags["aws.dynamodb.table_count"] = (jsonOf(body.text, "TableNames") as unknown[] | undefined)?.length
      break
    }
    case "bedrock":
      for (const side of ["input", "output"]) {
        const count = header(`x-amzn-bedrock-${side}-token-count`)
        if (count !== undefined) tags[`gen_ai.usage.${side}_tokens`] = Number(count)
      }
  }
  addFields(tags, RESPONSE, scope, operation, body)
}

/** The error's name in every protocol: a header (REST), `__type` (JSON, CBOR), `<Code>` (XML), `code`. */
function errorCode(header: Response["header"], body: Body): string | undefined {
  const given = header("x-amzn-errortype") ?? body.value("__type") ?? body.value("Code") ?? body.value("code")
  if (given === undefined) return undefined
  // "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException:http://…"
  const [name = ""] = String(given).split(":")
  return name.slice(name.indexOf("#") + 1) || undefined
}

const THROTTLED = /throttl|TooManyRequests|RequestLimitExceeded|SlowDown|ThroughputExceeded|LimitExceeded|PriorRequestNotComplete/i
const PASSING = /TransactionInProgress|RequestTimeout|Skew|RequestExpired|InternalError|ServiceUnavailable|IDPCommunicationError/i

/** Whether the SDK may try again after this. It alone decides. */
export function mayBeRetried(tags: Tags, error: unknown): boolean {
  if (error !== undefined && error !== null) return (error as { name?: unknown }).name !== "AbortError"
  const status = Number(tags["http.response.status_code"] ?? 0)
  return status >= 500 || tags["aws.throttled"] === true || (status >= 400 && PASSING.test(String(tags["error.type"])))
}

type Field = readonly [key: string, attribute: string, isList: boolean]
const read = new Map<string, readonly Field[]>()

function addFields(tags: Facts, table: Readonly<Record<string, string>>, scope: string, operation: string | undefined, body: Body): void {
  const row = (scope === "dynamodb" && operation !== undefined && table[operation]) || table[scope]
  if (typeof row !== "string" || row === "") return
  let parsed = read.get(row)
  if (parsed === undefined) {
    parsed = row.split(" ").map((pair) => {
      const [key = "", attribute = ""] = pair.split(/>|\[/)
      return [key, attribute, pair.endsWith("]")] as const
    })
    read.set(row, parsed)
  }
  for (const [key, attribute, isList] of parsed) {
    if (isList) {
      const values = body.values(key)
      if (values.length > 0) tags[attribute] = values.length === 1 ? values : [...new Set(values)]
    } else tags[attribute] ??= body.value(key)
  }
}
