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
  const entries = Object.entries(headers ?? {}).filter(([, value]) => typeof value === "string" || value instanceof Uint8Array)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === "string" ? value : Buffer.from(value as Uint8Array).toString()]),
  )
}
