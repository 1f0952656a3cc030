import type { End, Integration, Trace } from "../core/contracts.ts"
import { describeMessaging, textHeaders } from "./_messaging.ts"
import { inCallersScope, type Method, patchMethod, whenLoaded } from "./_patch.ts"

export interface AmqpCall {
  readonly type: "send" | "process"
  readonly exchange: string
  readonly routingKey: string
  readonly queue?: string
  readonly bodySize: number | undefined
  readonly headers?: Readonly<Record<string, unknown>> | undefined
  readonly socket: { readonly remoteAddress?: string; readonly remotePort?: number } | undefined
}

interface Channel {
  readonly connection?: { readonly stream?: AmqpCall["socket"] }
}
interface Fields {
  readonly exchange?: string
  readonly routingKey?: string
}
interface Message {
  readonly content: Uint8Array
  readonly fields: Fields
  readonly properties: { readonly headers?: Readonly<Record<string, unknown>> }
}
interface Made {
  readonly connection?: { readonly channels?: readonly ({ readonly channel?: object } | null | undefined)[] }
}
interface Library {
  readonly prototype?: object
  readonly BaseChannel?: { readonly prototype: object }
  readonly Channel?: { readonly prototype: object }
  readonly ChannelModel?: { readonly prototype: object }
}

/** Traces amqplib, by promise and by callback: a span for each message that is published or processed; messages carry the trace. */
export const amqplibIntegration: Integration<AmqpCall> = {
  name: "amqplib",

  watch(trace) {
    return whenLoaded("amqplib", (target: Library, found) => {
      const owners = [target, target.prototype, target.BaseChannel?.prototype, target.Channel?.prototype, target.ChannelModel?.prototype]
      return owners.flatMap((owner) => {
        if (owner === undefined) return []
        if ("createChannel" in owner) return followConnection(owner, found)
        return "sendMessage" in owner ? patchChannel(owner, trace) : []
      })
    })
  },

  describe({ type, exchange, routingKey, queue, bodySize, headers, socket }) {
    const destination = [exchange, routingKey, queue === routingKey ? "" : queue].filter((part) => part).join(":")
    return describeMessaging({
      system: "rabbitmq",
      operation: type === "send" ? "publish" : "process",
      type,
      destination: destination || "amq.default",
      bodySize,
      address: socket?.remoteAddress,
      port: socket?.remotePort,
      tags: { "messaging.rabbitmq.destination.routing_key": routingKey || undefined },
      carriers: headers === undefined ? [] : [textHeaders(headers)],
    })
  },
}

/** A channel with confirmations gives the callback right after the message, by a method that may have been patched before. */
const unconfirmed = new WeakMap<object, End<unknown>>()

function patchChannel(owner: object, trace: Trace<AmqpCall>): readonly (() => void)[] {
  return [
    ...patchMethod(
      owner,
      "sendMessage",
      (send) =>
        function (this: Channel, fields: Fields, properties: Message["properties"], content: Uint8Array) {
          return trace({ type: "send", ...placeOf(fields), bodySize: content?.length, socket: this.connection?.stream }, (operation) => {
            const sent = Reflect.apply(send, this, [fields, carrying(properties, operation.headers), content])
            if ("waitForConfirms" in this) unconfirmed.set(this, operation.defer())
            return sent
          })
        },
    ),
    ...patchMethod(
      owner,
      "pushConfirmCallback",
      (push) =>
        function (this: Channel, callback?: Method) {
          const end = unconfirmed.get(this)
          unconfirmed.delete(this)
          const called = typeof callback === "function" ? inCallersScope(callback, trace) : undefined
          const confirmed = (error: unknown) => {
            end?.(error)
            return called?.call(this, error)
          }
          return Reflect.apply(push, this, [end === undefined ? callback : confirmed])
        },
    ),
    ...patchMethod(
      owner,
      "consume",
      (consume) =>
        function (this: Channel, queue: string, callback: Method, ...more: unknown[]) {
          if (typeof callback !== "function") return Reflect.apply(consume, this, [queue, callback, ...more])
          const { stream } = this.connection ?? {}
          const process = inCallersScope((message: Message | null) => {
            // Null says that the consumer was cancelled.
            if (message === null) return callback(null)
            const { fields, properties, content } = message
            const call = {
              type: "process",
              ...placeOf(fields),
              queue,
              bodySize: content.length,
              headers: properties.headers,
              socket: stream,
            } as const
            return trace(call, () => callback(message))
          }, trace)
          return Reflect.apply(consume, this, [queue, process, ...more])
        },
    ),
  ]
}

/** The caller's headers win and stay as they are. Inherited ones count: amqplib puts its own on top of them in that way. */
function carrying(properties: Message["properties"], ours: Readonly<Record<string, string>>): Message["properties"] {
  const names = Object.keys(ours)
  if (names.length === 0) return properties
  const headers: Record<string, unknown> = {}
  for (const name in properties?.headers) headers[name] = properties.headers[name]
  for (const name of names) if (!(name in headers)) headers[name] = ours[name]
  return { ...properties, headers }
}

function placeOf({ exchange = "", routingKey = "" }: Fields): { exchange: string; routingKey: string } {
  return { exchange, routingKey }
}

/** A connection knows the class of its channels once it makes one, and has made some before it was watched. */
function followConnection(owner: object, found: (channel: object) => void): readonly (() => void)[] {
  for (const entry of (owner as Made).connection?.channels ?? []) if (entry?.channel) found(entry.channel)
  const follow = (create: Method): Method =>
    function (...args) {
      const made: unknown = Reflect.apply(create, this, args)
      const seen = <T>(channel: T): T => {
        if (channel !== null && typeof channel === "object") found(channel)
        return channel
      }
      return made instanceof Promise ? made.then(seen) : seen(made)
    }
  return [...patchMethod(owner, "createChannel", follow), ...patchMethod(owner, "createConfirmChannel", follow)]
}
