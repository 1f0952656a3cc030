import type { S3Event } from "aws-lambda"
import { common, invoking, type Loose, type Recognise } from "./_event.ts"

/** S3 notifications. OpenTelemetry, "FaaS, datasource". The key of an object can be personal and is left out. */
export const s3Trigger: Recognise = (event, functionName) => {
  const { Records: records = [] } = event as Loose<S3Event>
  const name = common(records, (record) => record?.eventName)
  const bucket = common(records, (record) => record?.s3?.bucket?.name)
  const tags = {
    "faas.document.collection": bucket,
    "faas.document.operation": name && (/Created/.test(name) ? "insert" : /Removed|Delete|Expir/.test(name) ? "delete" : "edit"),
    "faas.document.time": records[0]?.eventTime,
    "aws.s3.bucket": bucket,
  }
  return invoking(functionName, "datasource", tags, { carrier: {} })
}
