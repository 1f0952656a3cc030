import type { SQSEvent } from "aws-lambda"
import { fromAttributes, unwrap } from "./_context.ts"
import { common, type Loose, nameOf, processing, type Recognise } from "./_event.ts"

/** SQS, and SNS, EventBridge or S3 through SQS. OpenTelemetry, "AWS Lambda, SQS event". */
export const sqsTrigger: Recognise = (event) => {
  const { Records: records = [] } = event as Loose<SQSEvent>
  let tags = {}
  const causes = records.slice(0, 1000).map((record) => {
    const { messageAttributes, attributes, body, messageId } = record ?? {}
    const inner = unwrap(body)
    tags = inner.tags
    return {
      carrier: { ...inner.headers, ...fromAttributes(messageAttributes), awstraceheader: attributes?.AWSTraceHeader },
      tags: { "messaging.message.id": messageId },
    }
  })
  const source = nameOf(common(records, (record) => record?.eventSourceARN))
  return processing({ system: "aws_sqs", source, count: records.length, causes, messageId: records[0]?.messageId, tags, sourceFirst: true })
}
