import type { Description } from "../core/contracts.ts"

export interface Messaging {
  readonly system: string
  /** The library's word for it: publish, send, process. */
  readonly operation: string
  readonly type: "send" | "process" | "receive"
  readonly destination: string
  readonly bodySize?: number | undefined
  readonly address?: unknown
  readonly port?: unknown
  readonly tags?: Readonly<Record<string, unknown>>
  /** Headers of the messages that are processed. */
  readonly carriers?: readonly unknown[]
}

const KINDS = { send: "producer", process: "consumer", receive: "client" } as const

/** OpenTelemetry semantic conventions 1.44, "messaging". */
export function describeMessaging({
  system,
  operation,
  type,
  destination,
  bodySize,
  address,
  port,
  tags,
  carriers = [],
}: Messaging): Description {
  return {
    operationName: `${operation} ${destination}`.trimEnd(),
    kind: KINDS[type],
    tags: {
      "messaging.system": system,
      "messaging.operation.name": operation,
      "messaging.operation.type": type,
      "messaging.destination.name": destination || undefined,
      "messaging.message.body.size": bodySize,
      "server.address": address,
      "server.port": port,
      ...tags,
    },
    carriers,
  }
}

/** Headers as text: clients that read them as bytes give bytes. */
export function textHeaders(headers: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const text: Record<string, string> = {}
  for (const name of Object.keys(headers ?? {})) {
    const value = headers?.[name]
    if (typeof value === "string") text[name] = value
    else if (value instanceof Uint8Array) text[name] = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()
  }
  return text
}
