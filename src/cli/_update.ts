import { setTimeout as sleep } from "node:timers/promises"
import type { FunctionConfiguration, Lambda } from "@aws-sdk/client-lambda"
import { CliError } from "./_aws.ts"
import { changesIn, isSame, type Settings, settingsOf } from "./_plan.ts"

export interface UpdateOptions {
  readonly lambda: Lambda
  readonly name: string
  readonly dryRun: boolean
  /** What to say when nothing is to be done. */
  readonly nothing: string
  readonly change: (configuration: FunctionConfiguration) => Settings
}

const POLL_MS = 500
const PATIENCE_MS = 60_000

/** Changes layers and variables in one call, on the condition that nobody else has changed the function since it was read. */
export async function update({ lambda, name, dryRun, nothing, change }: UpdateOptions): Promise<string> {
  const configuration = await settled(lambda, name)
  const [now, next] = [settingsOf(configuration), change(configuration)]
  if (isSame(now, next)) return nothing
  const changes = changesIn(now, next)
  if (dryRun) return `would change ${changes}`
  await lambda.updateFunctionConfiguration({
    FunctionName: name,
    RevisionId: configuration.RevisionId,
    Layers: [...next.layers],
    Environment: { Variables: { ...next.variables } },
  })
  const { LastUpdateStatus, LastUpdateStatusReason } = await settled(lambda, name)
  if (LastUpdateStatus === "Failed")
    throw new CliError(`Lambda could not apply the change: ${LastUpdateStatusReason}. The function runs as before.`)
  return `changed ${changes}`
}

/** The configuration, once no update is in progress. */
async function settled(lambda: Lambda, name: string): Promise<FunctionConfiguration> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const configuration = await lambda.getFunctionConfiguration({ FunctionName: name })
    const busy = configuration.LastUpdateStatus === "InProgress" || configuration.State === "Pending"
    if (!busy || waitedMs >= PATIENCE_MS) return configuration
    await sleep(POLL_MS)
  }
}
