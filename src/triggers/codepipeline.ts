import type { CodePipelineEvent } from "aws-lambda"
import { invoking, type Loose, type Recognise } from "./_event.ts"

/** An action of a pipeline: no configuration, no credentials of its artifacts. */
export const codePipelineTrigger: Recognise = (event, functionName) => {
  const job = (event as Loose<CodePipelineEvent>)["CodePipeline.job"]
  return typeof job?.id === "string" ? invoking(functionName, "other", { "aws.codepipeline.job.id": job.id }, { carrier: {} }) : undefined
}
