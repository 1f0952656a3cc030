import type { EventBridgeEvent } from "aws-lambda"
import { contextIn } from "./_context.ts"
import { invoking, type Loose, nameOf, processing, type Recognise } from "./_event.ts"

/** EventBridge: events of buses and of AWS's own services, and schedules of rules and of the scheduler. */
export const eventBridgeTrigger: Recognise = (event, functionName) => {
  const { "detail-type": type, source, id, time, resources, detail } = event as Loose<EventBridgeEvent<string, unknown>>
  if (typeof type !== "string" || typeof source !== "string") return undefined
  if (type === "Scheduled Event" && (source === "aws.events" || source === "aws.scheduler")) {
    return invoking(functionName, "timer", { "faas.time": time, "aws.eventbridge.rule.name": nameOf(resources?.[0]) }, { carrier: {} })
  }
  const tags = {
    "cloudevents.event_id": id,
    "cloudevents.event_source": source,
    "cloudevents.event_type": type,
    "aws.s3.bucket": (detail as { bucket?: { name?: unknown } } | undefined)?.bucket?.name,
  }
  return {
    ...processing({ system: "aws.eventbridge", source, count: 1, causes: [], messageId: id, tags }),
    causes: undefined,
    carrier: contextIn(detail) ?? {},
  }
}
