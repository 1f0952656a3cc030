import { createRequire } from "node:module"
import { join } from "node:path"
import { requireClients } from "../integrations/fixtures/aws/place.mjs"

type Fixture = readonly [name: string, event: unknown, expected: { trigger: string; system: string | undefined; kind: string }]

/** Events of `@serverless/event-mocks`, which knows nothing of us. It has no others that wake a function. */
export async function importFixtures(): Promise<Fixture[]> {
  const { default: createEvent } = createRequire(join(requireClients(), "package.json"))("@serverless/event-mocks") as {
    default: (name: string, overwrite: object) => unknown
  }
  const of = (name: string, trigger: string, kind: string, system?: string): Fixture => [
    name,
    createEvent(name, {}),
    { trigger, system, kind },
  ]
  return [
    of("aws:apiGateway", "http", "server"),
    of("aws:websocket", "http", "server"),
    of("aws:sqs", "pubsub", "consumer", "aws_sqs"),
    of("aws:sns", "pubsub", "consumer", "aws.sns"),
    of("aws:s3", "datasource", "server"),
    of("aws:dynamo", "datasource", "server"),
    of("aws:kinesis", "pubsub", "consumer", "aws_kinesis"),
    of("aws:scheduled", "timer", "server"),
    of("aws:cloudWatch", "pubsub", "consumer", "aws.eventbridge"),
    of("aws:cloudWatchLog", "pubsub", "server", "aws_logs"),
    of("aws:cognitoUserPool", "other", "server"),
    of("aws:iot", "other", "server"),
  ]
}
