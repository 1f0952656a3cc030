import type { ConnectContactFlowEvent } from "aws-lambda"
import { invoking, type Loose, nameOf, type Recognise } from "./_event.ts"

/** A contact flow of Amazon Connect: no customer. */
export const connectTrigger: Recognise = (event, functionName) => {
  const { Name, Details } = event as Loose<ConnectContactFlowEvent>
  const contact = Details?.ContactData
  if (Name !== "ContactFlowEvent" || contact === undefined) return undefined
  return invoking(
    functionName,
    "other",
    { "aws.connect.instance": nameOf(contact.InstanceARN), "aws.connect.channel": contact.Channel },
    { carrier: {} },
  )
}
