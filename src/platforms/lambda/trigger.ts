import type { Context } from "aws-lambda"
import type { Tags, Trigger } from "../../core/contracts.ts"
import { httpTrigger } from "../../triggers/http.ts"
import { isColdStart } from "./cold-start.ts"

/** What woke the function. Events are the outside world's: nothing in one can make this throw. */
export function triggerOf(event: unknown, context: unknown): Trigger {
  const plain: Trigger = { operationName: functionName(context), kind: "server", tags: { "faas.trigger": "other" } }
  try {
    return httpTrigger(event) ?? plain
  } catch {
    return plain
  }
}

/** OpenTelemetry, "AWS Lambda, all triggers". */
export function invocationTags(context: unknown): Tags {
  const { awsRequestId, invokedFunctionArn = "" } = (context ?? {}) as Partial<Context>
  const arn = String(invokedFunctionArn)
  // arn:aws:lambda:region:account:function:name:alias
  const parts = arn.split(":")
  return {
    "faas.invocation_id": awsRequestId,
    "faas.coldstart": isColdStart(),
    "aws.lambda.invoked_arn": arn || undefined,
    "cloud.account.id": parts[4],
    "cloud.resource_id": parts.length >= 7 ? parts.slice(0, 7).join(":") : undefined,
  }
}

function functionName(context: unknown): string {
  return String((context as Context | undefined)?.functionName ?? process.env["AWS_LAMBDA_FUNCTION_NAME"] ?? "invocation")
}
