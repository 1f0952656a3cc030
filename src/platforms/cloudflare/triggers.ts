import type { Trigger } from "../../core/contracts.ts"
import { openBatch, type QueueBatch } from "./queue-batch.ts"

export type EventName = "scheduled" | "queue" | "email" | "tail"

/** What woke a Worker other than a request. */
export const eventTriggers: Record<EventName, (event: unknown) => Trigger> = {
  /** OpenTelemetry, "FaaS, timer". */
  scheduled(event) {
    const { cron, scheduledTime } = event as { cron?: string; scheduledTime?: number }
    return {
      operationName: "scheduled",
      kind: "server",
      tags: {
        "faas.trigger": "timer",
        "faas.cron": cron,
        "faas.time": typeof scheduledTime === "number" ? new Date(scheduledTime).toISOString() : undefined,
      },
    }
  },

  queue: (event) => openBatch(event as QueueBatch),

  /** Addresses are personal data: they stay in the message. */
  email(event) {
    const { rawSize } = event as { rawSize?: number }
    return { operationName: "email", kind: "consumer", tags: { "faas.trigger": "pubsub", "messaging.message.body.size": rawSize } }
  },

  tail(event) {
    const traces = event as readonly { scriptName?: string | null }[]
    const scripts = [...new Set(traces.flatMap((trace) => trace.scriptName ?? []))]
    return {
      operationName: "tail",
      kind: "consumer",
      tags: {
        "faas.trigger": "other",
        "messaging.batch.message_count": traces.length,
        "cloudflare.tail.scripts": scripts.length > 0 ? scripts : undefined,
      },
    }
  },
}
