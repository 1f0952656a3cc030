import type { CloudWatchLogsEvent } from "aws-lambda"
import { invoking, type Loose, type Recognise } from "./_event.ts"

/** A subscription to CloudWatch Logs. The lines are compressed, and are left so. */
export const logsTrigger: Recognise = (event, functionName) => {
  const { awslogs } = event as Loose<CloudWatchLogsEvent>
  return typeof awslogs?.data === "string"
    ? invoking(functionName, "pubsub", { "messaging.system": "aws_logs" }, { causes: [] })
    : undefined
}
