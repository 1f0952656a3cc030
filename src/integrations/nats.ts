import type { Integration, Trace } from "../core/contracts.ts"
import { describeMessaging } from "./_messaging.ts"
import { inCallersScope, type Method, patchMethod, whenLoaded } from "./_patch.ts"

export interface NatsCall {
  readonly operation: "publish" | "request" | "process"
  readonly subject: string
  readonly bodySize: number | undefined
  readonly headers?: Headers | undefined
  readonly server: string | undefined
}

/** The library's own headers; sent is what `encode` gives. */
interface Headers extends Iterable<readonly [string, readonly string[]]> {
  has(name: string): boolean
  encode(): Uint8Array
}
interface Options {
  readonly headers?: Headers
  readonly callback?: Method
}
interface Connection {
  readonly protocol?: { readonly info?: { readonly headers?: boolean }; readonly server?: { toString(): string } }
}
interface Message {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers?: Headers
}
interface Library {
  readonly prototype?: object
  readonly NatsConnectionImpl?: { readonly prototype: object }
}

/** Traces nats 2: a span for each message that is published, requested, or given to a callback; messages carry the trace. */
export const natsIntegration: Integration<NatsCall> = {
  name: "nats",

  watch(trace) {
    return whenLoaded("nats", (target: Library) => {
      const owners = [target, target.prototype, target.NatsConnectionImpl?.prototype]
      return owners.flatMap((owner) => (owner !== undefined && "respondMessage" in owner ? patchConnection(owner, trace) : []))
    })
  },

  describe({ operation, subject, bodySize, headers, server = "" }) {
    const [, address, port] = /^(.*):(\d+)$/.exec(server) ?? []
    return describeMessaging({
      system: "nats",
      operation,
      type: operation === "process" ? "process" : "send",
      // An inbox has a name of its own for each answer.
      destination: subject.startsWith("_INBOX.") ? "(temporary)" : subject,
      bodySize,
      address,
      port: port === undefined ? undefined : Number(port),
      carriers: headers === undefined ? [] : [Object.fromEntries([...headers].map(([name, values]) => [name, values[0]]))],
    })
  },
}

function patchConnection(owner: object, trace: Trace<NatsCall>): readonly (() => void)[] {
  // A request publishes, too: what it has made must not be traced twice.
  const ours = new WeakSet<object>()
  const send = (operation: "publish" | "request") => (original: Method) =>
    function (this: Connection, subject: string, payload?: { readonly length?: number }, options?: Options) {
      if (options?.headers !== undefined && ours.has(options.headers)) return Reflect.apply(original, this, [subject, payload, options])
      const call = { operation, subject: String(subject), bodySize: payload?.length ?? 0, server: this.protocol?.server?.toString() }
      return trace(call, ({ headers }) => {
        if (this.protocol?.info?.headers !== true || Object.keys(headers).length === 0)
          return Reflect.apply(original, this, [subject, payload, options])
        const carrier = withHeaders(options?.headers, headers)
        ours.add(carrier)
        // The default of a request's options is made for whoever gives none.
        return Reflect.apply(original, this, [
          subject,
          payload,
          { ...(operation === "request" && { timeout: 1000, noMux: false }), ...options, headers: carrier },
        ])
      })
    }
  return [
    ...patchMethod(owner, "publish", send("publish")),
    ...patchMethod(owner, "request", send("request")),
    ...patchMethod(
      owner,
      "subscribe",
      (subscribe) =>
        function (this: Connection, subject: string, options?: Options, ...more: unknown[]) {
          const { callback } = options ?? {}
          if (callback === undefined) return Reflect.apply(subscribe, this, [subject, options, ...more])
          const server = this.protocol?.server?.toString()
          const process = inCallersScope((error: unknown, message: Message) => {
            if (error !== null || message === undefined) return callback(error, message)
            const { data, headers } = message
            return trace({ operation: "process", subject, bodySize: data?.length, headers, server }, () => callback(error, message))
          }, trace)
          return Reflect.apply(subscribe, this, [subject, { ...options, callback: process }, ...more])
        },
    ),
  ]
}

/** NATS protocol, "HPUB": a line for each header, and an empty one at the end. The caller's object is not touched. */
function withHeaders(given: Headers | undefined, ours: Readonly<Record<string, string>>): Headers {
  const added = Object.entries(ours).filter(([name]) => given?.has(name) !== true)
  const lines = added.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  const encode = () => {
    const before = given === undefined ? "NATS/1.0\r\n\r\n" : Buffer.from(given.encode()).toString()
    return Buffer.from(`${before.slice(0, -2)}${lines}\r\n`)
  }
  return Object.create(given ?? null, { encode: { value: encode } }) as Headers
}
