import type { FunctionConfiguration, Lambda } from "@aws-sdk/client-lambda"
import { type Command, readArguments } from "./_arguments.ts"
import { explain, isOurLayer, openLambda, REGION } from "./_aws.ts"
import { forEach } from "./_each.ts"
import { endpointOf, isInstrumented, settingsOf } from "./_plan.ts"
import { warn } from "./_warn.ts"

/** `antifreeze status`. */
export const status: Command = {
  usage: `Usage: antifreeze status [FUNCTION…] [--region R]

Says which functions have the layer; without names, of all functions in the region.

${REGION}`,
  async run(argv) {
    const parsed = readArguments(argv, { region: { type: "string" } })
    const { region } = parsed.values
    try {
      const lambda = await openLambda(region)
      if (parsed.positionals.length > 0) {
        return await forEach(
          parsed.positionals,
          () => region,
          async (name) => describe(await lambda.getFunctionConfiguration({ FunctionName: name })),
        )
      }
      const functions = new Map((await all(lambda)).map((one) => [one.FunctionName ?? "", one]))
      const traced = [...functions.values()].filter((one) => isInstrumented(settingsOf(one))).length
      const code = await forEach(
        [...functions.keys()],
        () => region,
        async (name) => describe(functions.get(name) ?? {}),
      )
      process.stdout.write(`${traced} of ${functions.size} functions are instrumented.\n`)
      return code
    } catch (error) {
      warn(explain(error, region))
      return 1
    }
  },
}

function describe(configuration: FunctionConfiguration): string {
  const settings = settingsOf(configuration)
  const layer = settings.layers.find((arn) => isOurLayer(arn))
  const kind = configuration.PackageType === "Image" ? "container image" : configuration.Runtime
  if (layer === undefined) return `not instrumented (${kind})`
  const version = layer.split(":").at(-1)
  return isInstrumented(settings)
    ? `layer version ${version}, ${endpointOf(settings.variables) || "no endpoint"} (${kind})`
    : `layer version ${version}, but not switched on (${kind})`
}

async function all(lambda: Lambda): Promise<FunctionConfiguration[]> {
  const functions: FunctionConfiguration[] = []
  let marker: string | undefined
  do {
    const page = await lambda.listFunctions(marker === undefined ? {} : { Marker: marker })
    functions.push(...(page.Functions ?? []))
    marker = page.NextMarker
  } while (marker)
  return functions
}
