import { common, processing, type Recognise } from "./_event.ts"

/** `aws:amq`; `@types/aws-lambda` has no type for it. */
interface ActiveMqEvent {
  readonly messages?: readonly ({
    readonly messageID?: string
    readonly destination?: { readonly physicalName?: string }
    readonly properties?: object
  } | null)[]
}

/** `aws:rmq`, by `queue::virtual-host`. */
interface RabbitMqEvent {
  readonly rmqMessagesByQueue?: Readonly<
    Record<
      string,
      readonly ({
        readonly basicProperties?: { readonly headers?: Readonly<Record<string, unknown>> | null; readonly messageId?: string | null }
      } | null)[]
    >
  >
}

/** Amazon MQ with ActiveMQ: a message's properties are its headers. */
export const activeMqTrigger: Recognise = (event) => {
  const { messages = [] } = event as ActiveMqEvent
  const causes = messages
    .slice(0, 1000)
    .map((message) => ({ carrier: message?.properties, tags: { "messaging.message.id": message?.messageID } }))
  const source = common(messages, (message) => message?.destination?.physicalName)
  return processing({ system: "activemq", source, count: messages.length, causes, messageId: messages[0]?.messageID })
}

/** Amazon MQ with RabbitMQ: headers are text or `{ bytes: [...] }`. */
export const rabbitMqTrigger: Recognise = (event) => {
  const queues = Object.entries((event as RabbitMqEvent).rmqMessagesByQueue ?? {})
  const messages = queues.flatMap(([, list]) => list)
  const causes = messages.slice(0, 1000).map((message) => ({ carrier: headersOf(message?.basicProperties?.headers ?? {}) }))
  const source = queues.length === 1 ? queues[0]?.[0].split("::")[0] : undefined
  return processing({ system: "rabbitmq", source, count: messages.length, causes, messageId: messages[0]?.basicProperties?.messageId })
}

function headersOf(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const { bytes } = (value ?? {}) as { bytes?: unknown }
      return [name, Array.isArray(bytes) ? new TextDecoder().decode(Uint8Array.from(bytes.slice(0, 10_000) as number[])) : value]
    }),
  )
}
