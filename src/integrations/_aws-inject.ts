type Headers = Readonly<Record<string, string>>
type Fields = Readonly<Record<string, unknown>>

export interface Injected {
  /** A copy with the context in it, or the very same input. */
  readonly input: unknown
  /** Messages whose context would not have fitted, or had nowhere to be. */
  readonly leftOut: number
}

/** SQS "Message attributes", SNS "Message attributes" with raw delivery: ten, ours and the user's together. */
const MAX_ATTRIBUTES = 10
/** SQS, SNS, EventBridge, Step Functions: 256 KiB for a call. Some of them allow more by now; whoever needs it keeps all of it. */
const MAX_PAYLOAD = 262_144
/** Kinesis "PutRecord": a record with its partition key; "PutRecords": all of them. */
const MAX_RECORD = 1_048_576
const MAX_RECORDS = 5 * MAX_RECORD
/** Lambda "Invoke", ClientContext: of base64. */
const MAX_CLIENT_CONTEXT = 3583

const JSON_START = /^\s*\{\s*(?=("_traceContext"|\})?)/

/**
 * Puts the context into what a command sends: attributes of messages and the client context of an invocation, beside the user's
 * own; where `intoPayloads`, the JSON of events, records and executions, too. What has no room goes out as it came.
 */
export function injectInto(command: string, input: unknown, headers: Headers, intoPayloads: boolean): Injected {
  const fields = (input ?? {}) as Fields
  const names = Object.keys(headers)
  const same = { input, leftOut: 0 }
  if (names.length === 0) return same
  switch (command) {
    case "SendMessageCommand":
    case "PublishCommand": {
      const budget = { left: MAX_PAYLOAD - messageSize(fields) }
      return counted([withAttributes(fields, headers, budget)], ([message]) => message, input)
    }
    case "SendMessageBatchCommand":
      return batch(fields, "Entries", messageSize, (entry, budget) => withAttributes(entry, headers, budget), MAX_PAYLOAD)
    case "PublishBatchCommand":
      return batch(
        fields,
        "PublishBatchRequestEntries",
        messageSize,
        (entry, budget) => withAttributes(entry, headers, budget),
        MAX_PAYLOAD,
      )
    case "InvokeCommand":
      return counted([withClientContext(fields, headers)], ([invocation]) => invocation, input)
  }
  if (!intoPayloads) return same
  switch (command) {
    case "PutEventsCommand":
      return batch(fields, "Entries", eventSize, (entry, budget) => withText(entry, "Detail", headers, budget), MAX_PAYLOAD)
    case "StartExecutionCommand":
    case "StartSyncExecutionCommand":
      return counted(
        [withText({ input: "{}", ...fields }, "input", headers, { left: MAX_PAYLOAD - sizeOf(fields["input"]) })],
        ([start]) => start,
        input,
      )
    case "PutRecordCommand":
      return counted([withBytes(fields, headers, { left: MAX_RECORD - recordSize(fields) })], ([record]) => record, input)
    case "PutRecordsCommand":
      return batch(
        fields,
        "Records",
        recordSize,
        (entry, budget) => withBytes(entry, headers, { left: Math.min(budget.left, MAX_RECORD - recordSize(entry)) }),
        MAX_RECORDS,
      )
    default:
      return same
  }
}

interface Budget {
  /** Bytes that the call has room for. */
  left: number
}

/** `undefined` when there is no room; the very same when the user has set a context of his own. */
type Change = Fields | undefined

function batch(
  fields: Fields,
  key: string,
  size: (entry: Fields) => number,
  change: (entry: Fields, budget: Budget) => Change,
  max: number,
): Injected {
  const entries = fields[key]
  if (!Array.isArray(entries)) return { input: fields, leftOut: 0 }
  const budget = { left: max - entries.reduce((sum: number, entry: Fields) => sum + size(entry ?? {}), 0) }
  const changed = entries.map((entry: Fields) => change(entry ?? {}, budget))
  return counted(changed, () => ({ ...fields, [key]: changed.map((entry, index) => entry ?? (entries[index] as Fields)) }), fields)
}

function counted(changes: readonly Change[], make: (changes: readonly Change[]) => unknown, input: unknown): Injected {
  const leftOut = changes.filter((change) => change === undefined).length
  return { input: leftOut === changes.length ? input : make(changes), leftOut }
}

function withAttributes(message: Fields, headers: Headers, budget: Budget): Change {
  const given = (message["MessageAttributes"] ?? {}) as Fields
  const names = Object.keys(headers).filter((name) => given[name] === undefined)
  if (given["traceparent"] !== undefined) return message
  // AWS counts name, type and value of every attribute to the size of the message.
  const bytes = names.reduce((sum, name) => sum + name.length + "String".length + sizeOf(headers[name]), 0)
  if (Object.keys(given).length + names.length > MAX_ATTRIBUTES || bytes > budget.left) return undefined
  budget.left -= bytes
  // Plain text and no JSON: the filter policy of a subscription reads a String that looks like JSON as such.
  const ours = names.map((name) => [name, { DataType: "String", StringValue: headers[name] }])
  return { ...message, MessageAttributes: { ...given, ...Object.fromEntries(ours) } }
}

/** Only a synchronous invocation hands the client context on; for the others there is the trace header. */
function withClientContext(invocation: Fields, headers: Headers): Change {
  if ((invocation["InvocationType"] ?? "RequestResponse") !== "RequestResponse") return invocation
  try {
    const given = invocation["ClientContext"]
    const context = (given === undefined ? {} : JSON.parse(Buffer.from(String(given), "base64").toString())) as { custom?: Fields }
    if (context.custom?.["traceparent"] !== undefined) return invocation
    const encoded = Buffer.from(JSON.stringify({ ...context, custom: { ...context.custom, ...headers } })).toString("base64")
    return encoded.length > MAX_CLIENT_CONTEXT ? undefined : { ...invocation, ClientContext: encoded }
  } catch {
    return undefined
  }
}

function withText(entry: Fields, key: string, headers: Headers, budget: Budget): Change {
  const text = entry[key]
  if (typeof text !== "string") return undefined
  const start = JSON_START.exec(text)
  if (start === null) return undefined
  if (start[1] === '"_traceContext"') return entry
  const ours = `{"_traceContext":${JSON.stringify(headers)}${start[1] === "}" ? "" : ","}`
  if (sizeOf(ours) > budget.left) return undefined
  budget.left -= sizeOf(ours)
  return { ...entry, [key]: ours + text.slice(start[0].length) }
}

/** Only data that is a JSON object, first brace to last. */
function withBytes(record: Fields, headers: Headers, budget: Budget): Change {
  const data = record["Data"]
  if (!(data instanceof Uint8Array) || data[0] !== 0x7b || data.at(-1) !== 0x7d) return undefined
  const changed = withText({ Data: new TextDecoder().decode(data) }, "Data", headers, budget)
  return changed && { ...record, Data: new TextEncoder().encode(String(changed["Data"])) }
}

function messageSize(message: Fields): number {
  let bytes = sizeOf(message["MessageBody"] ?? message["Message"])
  for (const [name, attribute] of Object.entries((message["MessageAttributes"] ?? {}) as Record<string, Fields>)) {
    bytes += sizeOf(name) + sizeOf(attribute?.["DataType"]) + sizeOf(attribute?.["StringValue"] ?? attribute?.["BinaryValue"])
  }
  return bytes
}

/** EventBridge, "Calculating Amazon EventBridge event entry size". */
function eventSize(entry: Fields): number {
  const resources = Array.isArray(entry["Resources"]) ? entry["Resources"].reduce((sum: number, each) => sum + sizeOf(each), 0) : 0
  return (
    (entry["Time"] === undefined ? 0 : 14) + sizeOf(entry["Source"]) + sizeOf(entry["DetailType"]) + sizeOf(entry["Detail"]) + resources
  )
}

function recordSize(record: Fields): number {
  return sizeOf(record["Data"]) + sizeOf(record["PartitionKey"])
}

function sizeOf(value: unknown): number {
  return value instanceof Uint8Array ? value.length : typeof value === "string" ? Buffer.byteLength(value) : 0
}
