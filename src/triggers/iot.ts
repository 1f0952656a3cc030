import { invoking, type Recognise } from "./_event.ts"

/** IoT: a provisioning hook, a custom authorizer or a button. What a rule selects can be anything, and stays a plain event. */
export const iotTrigger: Recognise = (event, functionName) => {
  const { templateArn, claimCertificateId, protocolData, signatureVerified, clickType, serialNumber, deviceEvent } = event
  const isHook = typeof templateArn === "string" && typeof claimCertificateId === "string"
  const isAuthorizer = protocolData !== undefined && typeof signatureVerified === "boolean"
  const isButton = (typeof clickType === "string" && typeof serialNumber === "string") || deviceEvent !== undefined
  if (!isHook && !isAuthorizer && !isButton) return undefined
  return invoking(
    functionName,
    "other",
    { "aws.iot.source": isHook ? "provisioning" : isAuthorizer ? "authorizer" : "button" },
    { carrier: {} },
  )
}
