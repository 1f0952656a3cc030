import type { S3BatchEvent } from "aws-lambda"
import { invoking, type Loose, type Recognise } from "./_event.ts"

/** S3 Batch Operations: one task of a job. */
export const s3BatchTrigger: Recognise = (event, functionName) => {
  const { job, tasks, invocationId } = event as Loose<S3BatchEvent>
  if (typeof job?.id !== "string" || !Array.isArray(tasks) || typeof invocationId !== "string") return undefined
  return invoking(
    functionName,
    "datasource",
    { "aws.s3.bucket": (tasks as { s3BucketArn?: string }[])[0]?.s3BucketArn?.split(":::")[1] },
    { carrier: {} },
  )
}
