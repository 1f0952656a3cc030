import { tracedBy } from "./integrations/_patch.ts"
import { awsClientIntegration } from "./integrations/aws-client.ts"

/**
 * Lets a client of the AWS SDK 3 carry the trace within what it sends, beyond the `X-Amzn-Trace-Id` that every client sends
 * anyway: `const sqs = traced(new SQSClient({}))`. Attributes of SQS and SNS messages, the client context of a Lambda invocation,
 * and, as `_traceContext`, the JSON of EventBridge details, Kinesis records and Step Functions inputs. What has no room for it is
 * sent as it is, and counted (`aws.context.left_out`). Where the SDK is not bundled, importing this file is enough for attributes
 * and client contexts; payloads are only ever changed for a client that was handed in here.
 */
export const traced: <T extends object>(client: T) => T = tracedBy(awsClientIntegration)
