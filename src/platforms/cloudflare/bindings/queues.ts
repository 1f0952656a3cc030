import { wrapBody } from "../queue-batch.ts"
import { type Binding, type BindingCall, describe, type Headers } from "./binding.ts"

/** OpenTelemetry, "Messaging producer". */
export const queue: Binding = {
  name: "cloudflare.queues",
  classNames: ["WorkerQueue"],
  methods: ["send", "sendBatch"],

  describe(call) {
    const { binding, method, args } = call
    const [messages] = args
    return {
      ...describe(
        "queue",
        call,
        {
          "messaging.system": "cloudflare_queues",
          "messaging.operation.type": "send",
          "messaging.operation.name": "send",
          "messaging.destination.name": binding,
          "messaging.batch.message_count": method === "sendBatch" && Array.isArray(messages) ? messages.length : undefined,
        },
        "producer",
      ),
      operationName: `send ${binding}`,
    }
  },

  carry(call, headers, { queues }) {
    if (!queues?.includes(call.binding)) return call.args
    return (call.method === "send" ? carryOne : carryMany)(call, headers())
  },
}

function carryOne({ args }: BindingCall, headers: Headers): readonly unknown[] {
  const [body, options, ...more] = args as [unknown, { contentType?: unknown } | undefined, ...unknown[]]
  const wrapped = wrapBody(body, options?.contentType, headers)
  return wrapped === undefined ? args : [wrapped, options, ...more]
}

function carryMany({ args }: BindingCall, headers: Headers): readonly unknown[] {
  const [messages, ...more] = args as [Iterable<{ body: unknown; contentType?: unknown }>, ...unknown[]]
  const wrapped = [...messages].map((message) => {
    const body = wrapBody(message.body, message.contentType, headers)
    return body === undefined ? message : { ...message, body }
  })
  return [wrapped, ...more]
}
