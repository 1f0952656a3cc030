import type { Lambda } from "@aws-sdk/client-lambda"
import { type Command, readArguments, UsageError } from "./_arguments.ts"
import { CliError, DRY_RUN, LAYER_NAME, openLambda, REGION } from "./_aws.ts"
import { forEach, required } from "./_each.ts"
import { added } from "./_plan.ts"
import { update } from "./_update.ts"

/** `antifreeze instrument`. */
export const instrument: Command = {
  usage: `Usage: antifreeze instrument FUNCTION… [--endpoint URL] [--layer ARN] [--region R] [--dry-run]

Adds the layer and its variables to functions, and keeps what is there. Doing it again changes nothing.

  --endpoint URL     where spans go, OTLP/HTTP; needed unless the function has OTEL_EXPORTER_OTLP_ENDPOINT
  --layer ARN        the layer's version (default: the newest of yours, see antifreeze layer publish)
${REGION}${DRY_RUN}`,
  async run(argv) {
    const parsed = readArguments(argv, {
      endpoint: { type: "string" },
      layer: { type: "string" },
      region: { type: "string" },
      "dry-run": { type: "boolean", default: false },
    })
    const { endpoint, region, layer: given, "dry-run": dryRun } = parsed.values
    if (endpoint !== undefined && !/^https?:\/\/[^/]/.test(endpoint)) {
      throw new UsageError(`--endpoint is ${JSON.stringify(endpoint)}. Give an http or https URL.`)
    }
    let found: Promise<string> | undefined
    return forEach(
      required(parsed.positionals),
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
  },
}

async function newestLayer(lambda: Lambda): Promise<string> {
  const { LayerVersions: [newest] = [] } = await lambda.listLayerVersions({ LayerName: LAYER_NAME, MaxItems: 1 })
  if (newest?.LayerVersionArn !== undefined) return newest.LayerVersionArn
  throw new CliError("there is no antifreeze layer in this account and region. Run antifreeze layer publish, or give --layer.")
}
