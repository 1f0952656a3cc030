import type { DynamoDBStreamEvent } from "aws-lambda"
import { common, failureTags, invoking, type Loose, nameOf, type Recognise } from "./_event.ts"

const OPERATIONS: Readonly<Record<string, string>> = { INSERT: "insert", MODIFY: "edit", REMOVE: "delete" }

/** DynamoDB Streams. OpenTelemetry, "FaaS, datasource". A stream carries no context of who wrote to the table. */
export const dynamodbTrigger: Recognise = (event, functionName) => {
  const { Records: records = [] } = event as Loose<DynamoDBStreamEvent>
  const written = records[0]?.dynamodb?.ApproximateCreationDateTime
  const tags = {
    "faas.document.collection": nameOf(common(records, (record) => record?.eventSourceARN)),
    "faas.document.operation": OPERATIONS[common(records, (record) => record?.eventName) ?? ""],
    "faas.document.time": written === undefined ? undefined : new Date(written * 1000).toISOString(),
    "aws.batch.record_count": records.length,
  }
  return invoking(functionName, "datasource", tags, { causes: [], tagsOf: failureTags })
}
