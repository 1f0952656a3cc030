import type { Cause, SpanKind, Tags, Trigger } from "../core/contracts.ts"

/** What an event may really be: its type, as far as it can be trusted. Triggers ask for nothing that is not there. */
// biome-ignore lint/suspicious/noExplicitAny: a function type in an event is as good as none.
export type Loose<T> = T extends (...args: any[]) => any
  ? undefined
  : T extends readonly (infer Item)[]
    ? readonly (Loose<Item> | undefined)[] | undefined
    : T extends object
      ? { readonly [Key in keyof T]?: Loose<T[Key]> | undefined }
      : T | undefined

/** Recognises one kind of event. May throw on what only looks like one: whoever asks takes that for a no. */
export type Recognise = (event: Readonly<Record<string, unknown>>, functionName: string) => Trigger | undefined

/** The last part of an ARN: of a queue, a topic, a table, a stream. */
export function nameOf(arn: unknown): string | undefined {
  if (typeof arn !== "string") return undefined
  const resource = arn.split(":").slice(5).join(":")
  const [, name = resource] = /^(?:table|stream|deliverystream|rule|queue|stateMachine)[/:]([^/]+)/.exec(resource) ?? []
  return name || undefined
}

/** The one value that all have in common, or `undefined`. */
export function common<T, V>(items: readonly T[], pick: (item: T) => V | undefined): V | undefined {
  const [first] = items
  const value = first === undefined ? undefined : pick(first)
  return items.every((item) => pick(item) === value) ? value : undefined
}

/** `{ batchItemFailures: [{ itemIdentifier }] }`: what the function leaves for the next try. */
export function failureTags(result: unknown): Tags {
  const { batchItemFailures } = (result ?? {}) as { batchItemFailures?: unknown }
  return Array.isArray(batchItemFailures) && batchItemFailures.length > 0 ? { "aws.batch.failed_count": batchItemFailures.length } : {}
}

export interface Batch {
  readonly system: string
  /** Queue, topic or stream; `undefined` when they are several. */
  readonly source: string | undefined
  readonly count: number
  readonly causes: readonly Cause[]
  readonly messageId?: unknown
  readonly tags?: Tags
  /** OpenTelemetry's AWS Lambda conventions turn the two words of the name around for SQS. */
  readonly sourceFirst?: boolean
}

/** OpenTelemetry, "Messaging spans", of kind consumer: the function processes what was sent to a queue, a topic or a stream. */
export function processing({ system, source, count, causes, messageId, tags, sourceFirst = false }: Batch): Trigger {
  const place = source ?? "multiple_sources"
  const kind: SpanKind = "consumer"
  return {
    operationName: sourceFirst ? `${place} process` : `process ${place}`,
    kind,
    causes,
    tags: {
      "faas.trigger": "pubsub",
      "messaging.system": system,
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": source,
      "messaging.batch.message_count": count,
      "messaging.message.id": count === 1 ? messageId : undefined,
      ...tags,
    },
    tagsOf: failureTags,
  }
}

/** A root that bears the function's name: OpenTelemetry, "AWS Lambda, all triggers". */
export function invoking(
  functionName: string,
  trigger: "datasource" | "timer" | "http" | "pubsub" | "other",
  tags: Tags,
  more: Partial<Trigger> = {},
): Trigger {
  return { operationName: functionName, kind: "server", tags: { "faas.trigger": trigger, ...tags }, ...more }
}

/** The same 32 digits for the same text, spread evenly (FNV-1a, four times with another start). */
export function traceIdOf(text: string): string {
  let id = ""
  for (let part = 0; part < 4; part++) {
    let hash = 0x811c9dc5 ^ (part * 0x9e3779b1)
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
    id += (hash >>> 0).toString(16).padStart(8, "0")
  }
  return id
}
