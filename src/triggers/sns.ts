import type { SNSEvent } from "aws-lambda"
import { fromAttributes, unwrap } from "./_context.ts"
import { type Loose, nameOf, processing, type Recognise } from "./_event.ts"

/** SNS, and EventBridge or S3 through SNS. There is always one record. */
export const snsTrigger: Recognise = (event) => {
  const { Records: records = [] } = event as Loose<SNSEvent>
  const { TopicArn, MessageId, MessageAttributes, Message } = records[0]?.Sns ?? {}
  const { headers, tags } = unwrap(Message)
  const trigger = processing({
    system: "aws.sns",
    source: nameOf(TopicArn),
    count: records.length,
    causes: [],
    messageId: MessageId,
    tags: { ...tags, "aws.sns.topic.arn": TopicArn },
  })
  return { ...trigger, causes: undefined, carrier: { ...headers, ...fromAttributes(MessageAttributes) } }
}
