import type { Context } from "aws-lambda"
import type { Tags, Trigger } from "../../core/contracts.ts"
import { parseTraceHeader } from "../../core/propagation/xray.ts"
import { contextIn } from "../../triggers/_context.ts"
import { recognise } from "../../triggers/recognise.ts"
import { isColdStart } from "./cold-start.ts"

/** What woke the function, and what led to it. Events are the outside world's: nothing in one can make this throw. */
export function triggerOf(event: unknown, context: unknown): Trigger {
  const name = functionName(context)
  const trigger = recognise(event, name) ?? plainTrigger(event, context, name)
  try {
    return withTraceHeader(trigger, (context as { xRayTraceId?: unknown } | undefined)?.xRayTraceId ?? process.env["_X_AMZN_TRACE_ID"])
  } catch {
    return trigger
  }
}

/** An event of the user's own. Another function may have called this one, with a client context (Lambda, "Invoke"), or Step Functions with its input. */
function plainTrigger(event: unknown, context: unknown, name: string): Trigger {
  const plain: Trigger = { operationName: name, kind: "server", tags: { "faas.trigger": "other" } }
  try {
    const { custom, Custom } = ((context as Context | undefined)?.clientContext ?? {}) as { custom?: object; Custom?: object }
    const own = contextIn(event)
    const given = custom ?? Custom
    return own === undefined && given === undefined ? plain : { ...plain, carrier: { ...own, ...given } }
  } catch {
    return plain
  }
}

/**
 * The trace header that Lambda has for this invocation.
 * 1. With active tracing (`Sampled=1`) it is X-Ray's: our root is linked to it, and a trace that begins here takes on its id.
 * 2. Without, it is nobody's, unless whoever called us has put a trace of ours into it. Such an id is random where X-Ray's
 *    begins with the time, and is then the parent: no other context comes through an invocation by Lambda, SNS or EventBridge.
 * 3. For a request the headers have the word, and for a batch the records: the header is about whoever polled them.
 */
function withTraceHeader(trigger: Trigger, header: unknown): Trigger {
  const found = parseTraceHeader(header)
  if (found === undefined) return trigger
  const { traceId, spanId, sampled } = found
  if (sampled) {
    const related = spanId === undefined ? [] : [{ traceId, spanId, traceFlags: 0, traceState: "", baggage: new Map<string, string>() }]
    return { ...trigger, related, traceId: trigger.traceId ?? traceId }
  }
  const isDirect = trigger.causes === undefined && trigger.tags["faas.trigger"] !== "http"
  if (!isDirect || beginsWithTime(traceId)) return trigger
  return { ...trigger, carrier: { ...(trigger.carrier as object | undefined), awstraceheader: header } }
}

const WEEK_S = 7 * 86_400

/** X-Ray, "Trace ID": the first 8 digits are the time in seconds since 1970. One random id in seven thousand looks like a time of the last week. */
function beginsWithTime(traceId: string): boolean {
  const age = Date.now() / 1000 - Number.parseInt(traceId.slice(0, 8), 16)
  return age > -86_400 && age < WEEK_S
}

/** OpenTelemetry, "AWS Lambda, all triggers". */
export function invocationTags(context: unknown): Tags {
  const { awsRequestId, invokedFunctionArn = "" } = (context ?? {}) as Partial<Context>
  return { "faas.invocation_id": awsRequestId, "faas.coldstart": isColdStart(), ...arnTags(String(invokedFunctionArn)) }
}

let lastArn: string | undefined
let lastTags: Tags = {}

/** `arn:aws:lambda:region:account:function:name:alias`, nearly always the same one. */
function arnTags(arn: string): Tags {
  if (arn === lastArn) return lastTags
  const parts = arn.split(":")
  lastArn = arn
  lastTags = {
    "aws.lambda.invoked_arn": arn || undefined,
    "cloud.account.id": parts[4],
    "cloud.resource_id": parts.length >= 7 ? parts.slice(0, 7).join(":") : undefined,
  }
  return lastTags
}

function functionName(context: unknown): string {
  return String((context as Context | undefined)?.functionName ?? process.env["AWS_LAMBDA_FUNCTION_NAME"] ?? "invocation")
}
