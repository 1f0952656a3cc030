import type { Trigger } from "../core/contracts.ts"
import type { Recognise } from "./_event.ts"
import { alarmTrigger } from "./alarm.ts"
import { appSyncTrigger } from "./appsync.ts"
import { cloudFormationTrigger } from "./cloudformation.ts"
import { cloudFrontTrigger } from "./cloudfront.ts"
import { codePipelineTrigger } from "./codepipeline.ts"
import { cognitoTrigger } from "./cognito.ts"
import { connectTrigger } from "./connect.ts"
import { durableTrigger } from "./durable.ts"
import { dynamodbTrigger } from "./dynamodb.ts"
import { eventBridgeTrigger } from "./eventbridge.ts"
import { firehoseTrigger } from "./firehose.ts"
import { iotTrigger } from "./iot.ts"
import { kafkaTrigger } from "./kafka.ts"
import { kinesisTrigger } from "./kinesis.ts"
import { lexTrigger } from "./lex.ts"
import { logsTrigger } from "./logs.ts"
import { activeMqTrigger, rabbitMqTrigger } from "./mq.ts"
import { s3Trigger } from "./s3.ts"
import { s3BatchTrigger } from "./s3-batch.ts"
import { rotationTrigger } from "./secrets-manager.ts"
import { sesTrigger } from "./ses.ts"
import { snsTrigger } from "./sns.ts"
import { sqsTrigger } from "./sqs.ts"
import { stepFunctionsTrigger } from "./step-functions.ts"

/** By `eventSource`, of the event or of its first record. */
const SOURCES: Readonly<Record<string, Recognise>> = {
  "aws:sqs": sqsTrigger,
  "aws:sns": snsTrigger,
  "aws:s3": s3Trigger,
  "aws:dynamodb": dynamodbTrigger,
  "aws:kinesis": kinesisTrigger,
  "aws:ses": sesTrigger,
  "aws:kafka": kafkaTrigger,
  SelfManagedKafka: kafkaTrigger,
  "aws:amq": activeMqTrigger,
  "aws:rmq": rabbitMqTrigger,
}

const OTHERS: readonly Recognise[] = [
  eventBridgeTrigger,
  stepFunctionsTrigger,
  durableTrigger,
  appSyncTrigger,
  cognitoTrigger,
  lexTrigger,
  firehoseTrigger,
  logsTrigger,
  alarmTrigger,
  s3BatchTrigger,
  cloudFormationTrigger,
  codePipelineTrigger,
  rotationTrigger,
  iotTrigger,
  connectTrigger,
]

/** What woke the function, when it was no request, by the looks of the event. May throw on what only looks like one. */
export function recogniseOther(event: Readonly<Record<string, unknown>>, functionName: string): Trigger | undefined {
  const { Records: records, eventSource } = event
  const [first] = Array.isArray(records) ? (records as ({ eventSource?: unknown; EventSource?: unknown; cf?: unknown } | null)[]) : []
  const source = first?.eventSource ?? first?.EventSource ?? eventSource
  if (typeof source === "string" && Object.hasOwn(SOURCES, source)) return SOURCES[source]?.(event, functionName)
  if (first?.cf !== undefined) return cloudFrontTrigger(event, functionName)
  for (const one of OTHERS) {
    const trigger = one(event, functionName)
    if (trigger !== undefined) return trigger
  }
  return undefined
}
