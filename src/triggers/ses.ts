import type { SESEvent } from "aws-lambda"
import { invoking, type Loose, type Recognise } from "./_event.ts"

/** Mail that SES has received: no address, no subject. */
export const sesTrigger: Recognise = (event, functionName) => {
  const { Records: records = [] } = event as Loose<SESEvent>
  const { mail, receipt } = records[0]?.ses ?? {}
  const tags = { "messaging.system": "aws_ses", "messaging.message.id": mail?.messageId, "aws.ses.action": receipt?.action?.type }
  return invoking(functionName, "pubsub", tags, { carrier: {} })
}
