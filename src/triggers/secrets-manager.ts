import type { SecretsManagerRotationEvent } from "aws-lambda"
import { invoking, type Loose, type Recognise } from "./_event.ts"

/** One step of a rotation: the secret's name, never its value. */
export const rotationTrigger: Recognise = (event, functionName) => {
  const { Step, SecretId, ClientRequestToken } = event as Loose<SecretsManagerRotationEvent>
  if (typeof SecretId !== "string" || typeof ClientRequestToken !== "string") return undefined
  return invoking(
    functionName,
    "other",
    { "aws.secretsmanager.secret.arn": SecretId, "aws.secretsmanager.rotation.step": Step },
    { carrier: {} },
  )
}
