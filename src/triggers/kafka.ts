import type { MSKEvent, SelfManagedKafkaEvent } from "aws-lambda"
import { common, type Loose, processing, type Recognise } from "./_event.ts"

/** MSK and self-managed Kafka. Headers come as lists of bytes, in Java's words signed ones. */
export const kafkaTrigger: Recognise = (event) => {
  const { records: byPartition } = event as Loose<MSKEvent | SelfManagedKafkaEvent>
  const records = Object.values(byPartition ?? {}).flatMap((list) => (Array.isArray(list) ? list : []))
  const causes = records.slice(0, 1000).map(({ headers, topic, partition, offset }) => ({
    carrier: headersOf(headers),
    tags: {
      "messaging.destination.name": topic,
      "messaging.destination.partition.id": String(partition),
      "messaging.kafka.offset": offset,
    },
  }))
  const partition = common(records, (record) => record?.partition)
  const tags = {
    "messaging.destination.partition.id": partition === undefined ? undefined : String(partition),
    "messaging.kafka.offset": records.length === 1 ? records[0]?.offset : undefined,
  }
  return processing({ system: "kafka", source: common(records, (record) => record?.topic), count: records.length, causes, tags })
}

function headersOf(headers: unknown): Record<string, string> {
  const found: Record<string, string> = {}
  for (const header of Array.isArray(headers) ? headers.slice(0, 100) : []) {
    for (const [name, bytes] of Object.entries((header ?? {}) as Record<string, unknown>)) {
      if (Array.isArray(bytes) && bytes.length <= 10_000) found[name] = new TextDecoder().decode(Uint8Array.from(bytes as number[]))
    }
  }
  return found
}
