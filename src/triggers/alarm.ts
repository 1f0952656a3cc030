import type { CloudWatchAlarmEvent } from "aws-lambda"
import { invoking, type Loose, type Recognise } from "./_event.ts"

/** An alarm of CloudWatch. */
export const alarmTrigger: Recognise = (event, functionName) => {
  const { alarmArn, source } = event as Loose<CloudWatchAlarmEvent>
  if (typeof alarmArn !== "string" || source !== "aws.cloudwatch") return undefined
  return invoking(functionName, "other", { "aws.cloudwatch.alarm.arn": alarmArn }, { carrier: {} })
}
