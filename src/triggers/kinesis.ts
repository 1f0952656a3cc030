import type { KinesisStreamEvent } from "aws-lambda"
import { contextInBase64 } from "./_context.ts"
import { common, type Loose, nameOf, processing, type Recognise } from "./_event.ts"

/** Kinesis Data Streams. */
export const kinesisTrigger: Recognise = (event) => {
  const { Records: records = [] } = event as Loose<KinesisStreamEvent>
  const source = nameOf(common(records, (record) => record?.eventSourceARN))
  const causes = records.slice(0, 1000).map((record) => ({
    carrier: contextInBase64(record?.kinesis?.data),
    tags: { "messaging.message.id": record?.kinesis?.sequenceNumber },
  }))
  // shardId-000000000006:495451152434909…
  const shard = common(records, (record) => record?.eventID?.split(":")[0])
  const tags = { "messaging.destination.partition.id": shard, "aws.kinesis.stream_name": source }
  return processing({ system: "aws_kinesis", source, count: records.length, causes, messageId: records[0]?.kinesis?.sequenceNumber, tags })
}
