import type { PreSignUpTriggerEvent } from "aws-lambda"
import { invoking, type Loose, type Recognise } from "./_event.ts"

/** Cognito user pools: no attribute of the user. */
export const cognitoTrigger: Recognise = (event, functionName) => {
  const { triggerSource, userPoolId } = event as Loose<PreSignUpTriggerEvent>
  if (typeof triggerSource !== "string" || typeof userPoolId !== "string") return undefined
  return invoking(
    functionName,
    "other",
    { "aws.cognito.trigger_source": triggerSource, "aws.cognito.user_pool.id": userPoolId },
    { carrier: {} },
  )
}
