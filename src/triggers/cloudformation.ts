import type { CloudFormationCustomResourceEvent } from "aws-lambda"
import { invoking, type Loose, type Recognise } from "./_event.ts"

/** A custom resource of CloudFormation. Its ResponseURL gives access, and its properties may hold secrets. */
export const cloudFormationTrigger: Recognise = (event, functionName) => {
  const { RequestType, StackId, ResourceType, LogicalResourceId } = event as Loose<CloudFormationCustomResourceEvent>
  if (typeof RequestType !== "string" || typeof StackId !== "string" || typeof LogicalResourceId !== "string") return undefined
  const tags = {
    "aws.cloudformation.request_type": RequestType,
    "aws.cloudformation.resource_type": ResourceType,
    "aws.cloudformation.stack.arn": StackId,
  }
  return invoking(functionName, "other", tags, { carrier: {} })
}
