import type { Integration, Trace } from "../core/contracts.ts"
import { describeMessaging } from "./_messaging.ts"
import { inCallersScope, type Method, patchMethod, whenLoaded } from "./_patch.ts"

export interface MqttMessage {
  readonly topic: string
  readonly bodySize: number | undefined
  readonly host: string | undefined
  readonly port: number | undefined
}

interface Client {
  readonly options?: { readonly protocolVersion?: number; readonly host?: string; readonly hostname?: string; readonly port?: number }
}
interface Options {
  readonly properties?: { readonly userProperties?: Readonly<Record<string, unknown>> }
}
interface Library {
  readonly prototype?: object
  readonly MqttClient?: { readonly prototype: object }
  readonly default?: { readonly prototype?: object }
}

/** Traces mqtt 5, by promise and by callback: a span for each message that is published. In MQTT 5 the message carries the trace. */
export const mqttIntegration: Integration<MqttMessage> = {
  name: "mqtt",

  watch(trace) {
    return whenLoaded("mqtt", (target: Library) => {
      const owners = [target, target.prototype, target.MqttClient?.prototype, target.default?.prototype]
      return owners.flatMap((owner) =>
        owner !== undefined && "publish" in owner && "handleMessage" in owner
          ? patchMethod(owner, "publish", (publish) => tracePublish(publish, trace))
          : [],
      )
    })
  },

  describe({ topic, bodySize, host, port }) {
    return describeMessaging({ system: "mqtt", operation: "publish", type: "send", destination: topic, bodySize, address: host, port })
  },
}

function tracePublish(publish: Method, trace: Trace<MqttMessage>): Method {
  return function (
    this: Client,
    topic: string,
    message: { readonly length?: number } | undefined,
    given?: Options | Method,
    last?: Method,
  ) {
    const { protocolVersion, host, hostname, port } = this.options ?? {}
    const callback = typeof given === "function" ? given : last
    const called = typeof callback === "function" ? inCallersScope(callback, trace) : undefined
    const options = typeof given === "function" ? undefined : given
    return trace({ topic: String(topic), bodySize: message?.length, host: host ?? hostname, port }, (operation) => {
      // Nothing is traced: nothing is added, not even a callback.
      if (operation.context === undefined) return Reflect.apply(publish, this, [topic, message, given, last])
      const end = operation.defer()
      const done: Method = function (error, ...more) {
        end(error)
        return called?.call(this, error, ...more)
      }
      const userProperties = { ...operation.headers, ...options?.properties?.userProperties }
      const carrying = protocolVersion === 5 ? { ...options, properties: { ...options?.properties, userProperties } } : (options ?? {})
      return Reflect.apply(publish, this, [topic, message, carrying, done])
    })
  }
}
