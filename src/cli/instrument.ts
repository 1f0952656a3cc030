import type { Lambda } from "@aws-sdk/client-lambda"
import { CliError, LAYER_NAME, openLambda } from "./_aws.ts"
import { forEach, readArguments, required } from "./_each.ts"
import { added } from "./_plan.ts"
import { update } from "./_update.ts"

const USAGE = `Usage: antifreeze instrument FUNCTION… [--endpoint URL] [--layer ARN] [--region R] [--dry-run]

Adds the layer and its variables to functions, and keeps what is there. Doing it again changes nothing.

  --endpoint <url>  where spans go, OTLP/HTTP; needed unless the function has OTEL_EXPORTER_OTLP_ENDPOINT
  --layer <arn>     the layer's version (default: the newest of yours, see antifreeze layer publish)
  --region <r>      region (default: the SDK's, AWS_REGION)
  --dry-run         say what would be changed, and change nothing
  --help            show this
`

/** `antifreeze instrument`. Resolves with the exit code. */
export async function instrument(argv: string[]): Promise<number> {
  const parsed = readArguments(argv, USAGE, {
    endpoint: { type: "string" },
    layer: { type: "string" },
    region: { type: "string" },
    "dry-run": { type: "boolean", default: false },
  })
  if (typeof parsed === "number") return parsed
  const { endpoint, region, layer: given, "dry-run": dryRun } = parsed.values
  const missing = required(parsed.positionals, USAGE)
  if (missing !== undefined) return missing
  if (endpoint !== undefined && !/^https?:\/\/[^/]/.test(endpoint)) {
    process.stderr.write(`[antifreeze] --endpoint is ${JSON.stringify(endpoint)}. Give an http or https URL.\n`)
    return 2
  }
  let found: Promise<string> | undefined
  return forEach(
    parsed.positionals,
    () => region,
    async (name) => {
      const lambda = await openLambda(region)
      found ??= given === undefined ? newestLayer(lambda) : Promise.resolve(given)
      const layer = await found
      return update({
        lambda,
        name,
        dryRun,
        nothing: "is instrumented already",
        change: (configuration) => added(configuration, layer, endpoint),
      })
    },
  )
}

async function newestLayer(lambda: Lambda): Promise<string> {
  const { LayerVersions: [newest] = [] } = await lambda.listLayerVersions({ LayerName: LAYER_NAME, MaxItems: 1 })
  if (newest?.LayerVersionArn !== undefined) return newest.LayerVersionArn
  throw new CliError("there is no antifreeze layer in this account and region. Run antifreeze layer publish, or give --layer.")
}
