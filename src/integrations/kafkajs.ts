import type { Integration, Trace } from "../core/contracts.ts"
import { undoAll } from "./_channel.ts"
import { tellFailure } from "./_db.ts"
import { describeMessaging, textHeaders } from "./_messaging.ts"
import { inCallersScope, type Method, patchMethod, tracedBy, whenLoaded } from "./_patch.ts"

export interface KafkaCall {
  readonly type: "send" | "process"
  /** Undefined where the messages of one call go to several. */
  readonly topic: string | undefined
  readonly messages: readonly Message[]
  readonly partition?: number
  readonly group?: string | undefined
  /** `eachBatch`, or a `send` of several. */
  readonly isBatch: boolean
}

interface Message {
  readonly value?: { readonly length: number } | null | undefined
  readonly offset?: string
  readonly headers?: Readonly<Record<string, unknown>> | undefined
}
interface Sending {
  readonly topic?: unknown
  readonly messages?: readonly Message[]
  readonly topicMessages?: readonly Sending[]
}
interface Received {
  readonly topic: string
  readonly partition: number
  readonly message: Message
  readonly batch: { readonly topic: string; readonly partition: number; readonly messages: readonly Message[] }
}

/** Traces kafkajs 2: a span for each call that sends, in a transaction too, and for each message or batch that is processed; messages carry the trace. */
export const kafkajsIntegration: Integration<KafkaCall> = {
  name: "kafkajs",

  watch(trace) {
    return undoAll([
      () => followed.splice(0).forEach((undo) => void undo()),
      whenLoaded("kafkajs", (target: object) => {
        followClient(target)
        if ("sendBatch" in target) return patchSender(target, trace)
        return "run" in target && "subscribe" in target ? patchConsumer(target, groups.get(target), trace) : []
      }),
    ])
  },

  describe({ type, topic, messages, partition, group, isBatch }) {
    const only = isBatch ? undefined : messages[0]
    return describeMessaging({
      system: "kafka",
      operation: type,
      type,
      destination: topic ?? "",
      bodySize: only?.value?.length,
      tags: {
        "messaging.batch.message_count": isBatch ? messages.length : undefined,
        "messaging.destination.partition.id": partition === undefined ? undefined : String(partition),
        "messaging.consumer.group.name": group,
        "messaging.kafka.offset": only?.offset === undefined ? undefined : Number(only.offset),
        "messaging.kafka.message.tombstone": only?.value === null ? true : undefined,
      },
      carriers: type === "send" ? [] : carriersOf(messages),
    })
  },

  // The library quotes the message that it refuses. What the user's own code throws while it processes one is theirs.
  tell: (error) => (/^KafkaJS/.test(String((error as Error | undefined)?.name)) ? tellFailure(error) : { error }),
}

const groups = new WeakMap<object, string | undefined>()
const followed: (() => void)[] = []

/**
 * A producer and a consumer have methods of their own, and are often made while a function is loaded, before anything is
 * watched: so clients are followed as soon as they are known.
 */
export function followClient(target: object): void {
  const follow = (make: Method): Method =>
    function (options?: { groupId?: string }) {
      const object = Reflect.apply(make, this, [options]) as object
      groups.set(object, options?.groupId)
      return tracedBy(kafkajsIntegration)(object)
    }
  const { prototype, Kafka } = target as { prototype?: object; Kafka?: { prototype: object } }
  for (const owner of [target, prototype, Kafka?.prototype]) {
    if (owner === undefined || !("producer" in owner) || !("consumer" in owner)) continue
    followed.push(...patchMethod(owner, "producer", follow), ...patchMethod(owner, "consumer", follow))
  }
}

/** A producer, or a transaction of one. */
function patchSender(owner: object, trace: Trace<KafkaCall>): readonly (() => void)[] {
  const send = (original: Method): Method =>
    function (sending: Sending) {
      const parts = Array.isArray(sending?.topicMessages) ? (sending.topicMessages as readonly Sending[]) : [sending]
      const messages = parts.flatMap((part) => (Array.isArray(part?.messages) ? (part.messages as readonly Message[]) : []))
      const topic = parts[0]?.topic
      const isOne = typeof topic === "string" && parts.every((part) => part?.topic === topic)
      const call = { type: "send", topic: isOne ? topic : undefined, messages, isBatch: messages.length > 1 } as const
      return trace(call, (operation) => {
        // What is refused is quoted in the error, as it came.
        const isSound = messages.every((message) => message?.value !== undefined) && parts.every((part) => Array.isArray(part?.messages))
        return Reflect.apply(original, this, [isSound ? carrying(sending, operation.headers) : sending])
      })
    }
  return [
    ...patchMethod(owner, "send", send),
    ...patchMethod(owner, "sendBatch", send),
    ...patchMethod(
      owner,
      "transaction",
      (transaction) =>
        async function (this: unknown) {
          const begun: object = await Reflect.apply(transaction, this, [])
          patchSender(begun, trace)
          return begun
        },
    ),
  ]
}

/** The caller's headers win, and their objects stay as they are. */
function carrying(sending: Sending, headers: Readonly<Record<string, string>>): Sending {
  const { messages, topicMessages } = sending
  if (Object.keys(headers).length === 0) return sending
  return {
    ...sending,
    ...(topicMessages && { topicMessages: topicMessages.map((part) => carrying(part, headers)) }),
    ...(messages && { messages: messages.map((message) => ({ ...message, headers: { ...headers, ...message.headers } })) }),
  }
}

function patchConsumer(owner: object, group: string | undefined, trace: Trace<KafkaCall>): readonly (() => void)[] {
  return patchMethod(
    owner,
    "run",
    (run) =>
      function (this: unknown, options?: Readonly<Record<string, unknown>>) {
        const traced = { ...options }
        const { eachMessage, eachBatch } = traced as { eachMessage?: Method; eachBatch?: Method }
        const each = (callback: Method, callOf: (received: Received) => KafkaCall) =>
          inCallersScope((received: Received) => trace(callOf(received), () => callback(received)), trace)
        if (typeof eachMessage === "function") {
          traced["eachMessage"] = each(eachMessage, ({ topic, partition, message }) => {
            return { type: "process", topic, partition, group, messages: [message], isBatch: false }
          })
        }
        if (typeof eachBatch === "function") {
          traced["eachBatch"] = each(eachBatch, ({ batch: { topic, partition, messages } }) => {
            return { type: "process", topic, partition, group, messages, isBatch: true }
          })
        }
        return Reflect.apply(run, this, options === undefined ? [] : [traced])
      },
  )
}

/** Messages that were sent together have one sender: it is linked once. */
function carriersOf(messages: readonly Message[]): readonly unknown[] {
  const carriers = messages.map(({ headers }) => textHeaders(headers))
  return [...new Map(carriers.map((carrier) => [carrier["traceparent"] ?? carrier, carrier])).values()]
}
