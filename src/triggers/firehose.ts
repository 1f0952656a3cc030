import type { FirehoseTransformationEvent } from "aws-lambda"
import { contextInBase64 } from "./_context.ts"
import { type Loose, nameOf, processing, type Recognise } from "./_event.ts"

/** Firehose, which has records transformed on their way. */
export const firehoseTrigger: Recognise = (event) => {
  const { records, deliveryStreamArn, invocationId } = event as Loose<FirehoseTransformationEvent>
  if (!Array.isArray(records) || typeof deliveryStreamArn !== "string" || typeof invocationId !== "string") return undefined
  const causes = records.slice(0, 1000).map((record) => ({ carrier: contextInBase64(record?.data) }))
  const trigger = processing({
    system: "aws_firehose",
    source: nameOf(deliveryStreamArn),
    count: records.length,
    causes,
    messageId: records[0]?.recordId,
  })
  return { ...trigger, tagsOf: transformTags }
}

/** `{ records: [{ result: "ProcessingFailed" }] }` */
function transformTags(result: unknown): Record<string, unknown> {
  const { records } = (result ?? {}) as { records?: unknown }
  const failed = Array.isArray(records)
    ? records.filter((record: { result?: unknown } | null) => record?.result === "ProcessingFailed").length
    : 0
  return failed > 0 ? { "aws.batch.failed_count": failed } : {}
}
