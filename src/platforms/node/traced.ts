import { traceFor } from "../../core/trace.ts"
import { awsClientIntegration, traceClient } from "../../integrations/aws-client.ts"
import { processState } from "./process-state.ts"

/**
 * Lets a client of the AWS SDK 3 carry the trace within what it sends, beyond the `X-Amzn-Trace-Id` that every client sends
 * anyway: attributes of SQS and SNS messages, the client context of a Lambda invocation, and, as `_traceContext`, the JSON of
 * EventBridge details, Kinesis records and Step Functions inputs. What has no room for it is sent as it is, and counted.
 *
 * @returns the client itself.
 */
export function traced<C extends object>(client: C): C {
  const { scopeManager, report } = processState
  return traceClient(client, traceFor(scopeManager, awsClientIntegration, report), true)
}
