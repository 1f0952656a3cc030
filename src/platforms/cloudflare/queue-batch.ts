import type { Cause, Trigger } from "../../core/contracts.ts"

export interface QueueBatch {
  readonly queue: string
  readonly messages: readonly QueueMessage[]
  ackAll(): void
  retryAll(options?: unknown): void
}

export interface QueueMessage {
  readonly id: string
  readonly body: unknown
  readonly attempts: number
  ack(): void
  retry(options?: unknown): void
}

/** Queue messages have no attributes, so the trace of a message travels around its body. */
const CONTEXT = "antifreeze.context.v1"

/** A body with the trace around it; `undefined` for a kind of body that must arrive as it is. */
export function wrapBody(body: unknown, contentType: unknown, headers: Readonly<Record<string, string>>): unknown {
  if (contentType !== undefined && contentType !== "json" && contentType !== "v8") return undefined
  return { [CONTEXT]: headers, body }
}

/**
 * A batch of messages (OpenTelemetry, "Messaging consumer"): linked to where each came from, with how they were settled.
 * Bodies that carry a trace are opened before the handler sees them.
 */
export function openBatch(batch: QueueBatch): Trigger {
  const { queue, messages } = batch
  const settled = new Map<QueueMessage, "acked" | "retried">()
  let all: "acked" | "retried" | undefined
  const causes: Cause[] = []
  for (const message of messages) {
    const carrier = unwrap(message)
    if (carrier !== undefined) causes.push({ carrier, tags: { "messaging.message.id": message.id } })
    watch(message, "ack", () => settled.set(message, "acked"))
    watch(message, "retry", () => settled.set(message, "retried"))
  }
  // The first word on a message counts, as in the runtime.
  watch(batch, "ackAll", () => (all ??= "acked"))
  watch(batch, "retryAll", () => (all ??= "retried"))
  return {
    operationName: `process ${queue}`,
    kind: "consumer",
    causes,
    tags: {
      "faas.trigger": "pubsub",
      "messaging.system": "cloudflare_queues",
      "messaging.operation.type": "process",
      "messaging.operation.name": "process",
      "messaging.destination.name": queue,
      "messaging.batch.message_count": messages.length,
      "cloudflare.queue.max_attempts": Math.max(0, ...messages.map(({ attempts }) => attempts)),
    },
    tagsOf() {
      const counts = { acked: 0, retried: 0, implicit: 0 }
      for (const message of messages) counts[settled.get(message) ?? all ?? "implicit"]++
      return {
        "cloudflare.queue.acked": counts.acked,
        "cloudflare.queue.retried": counts.retried,
        "cloudflare.queue.implicit": counts.implicit,
      }
    },
  }
}

function unwrap(message: QueueMessage): unknown {
  const { body } = message
  if (body === null || typeof body !== "object" || !Object.hasOwn(body, CONTEXT)) return undefined
  const { [CONTEXT]: carrier, body: inner } = body as { [CONTEXT]: unknown; body: unknown }
  Object.defineProperty(message, "body", { value: inner, enumerable: true, configurable: true })
  return carrier
}

/** Hears of a call; the object stays the runtime's own. */
function watch<K extends string>(owner: Record<K, (options?: unknown) => void>, method: K, called: () => unknown): void {
  const native = owner[method]
  if (typeof native !== "function") return
  const value = function (this: unknown, ...args: unknown[]): unknown {
    const result = Reflect.apply(native, this, args)
    called()
    return result
  }
  Object.defineProperty(owner, method, { value, configurable: true, writable: true, enumerable: false })
}
