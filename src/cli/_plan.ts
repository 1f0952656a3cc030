import type { FunctionConfiguration } from "@aws-sdk/client-lambda"
import { CliError, isOurLayer, layersOf, RUNTIMES, variablesOf, WRAPPER } from "./_aws.ts"

/** Layers and variables of a function, as they are or as they are to be. */
export interface Settings {
  readonly layers: readonly string[]
  readonly variables: Readonly<Record<string, string>>
}

const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
/** The variables that `instrument` has added, so that `uninstrument` takes away those and no others. */
const ADDED = "ANTIFREEZE_ADDED"
const NEXT = "ANTIFREEZE_NEXT_WRAPPER"
const MAX_LAYERS = 5
const MAX_VARIABLE_BYTES = 4096

export function settingsOf(configuration: FunctionConfiguration): Settings {
  return { layers: layersOf(configuration), variables: variablesOf(configuration) }
}

/** Where the function sends its spans. */
export function endpointOf(variables: Settings["variables"]): string | undefined {
  return variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] || variables[ENDPOINT]
}

export function isInstrumented({ layers, variables }: Settings): boolean {
  return layers.some((arn) => isOurLayer(arn)) && variables["AWS_LAMBDA_EXEC_WRAPPER"] === WRAPPER
}

/** The settings with the layer added; another exec wrapper is run after ours. Throws where that cannot be. */
export function added(configuration: FunctionConfiguration, layer: string, endpoint: string | undefined): Settings {
  const { PackageType, Runtime = "" } = configuration
  if (PackageType === "Image") throw new CliError("a container image has no layers. Copy the layer into the image: see layer/README.md.")
  if (!RUNTIMES.some((runtime) => runtime === Runtime))
    throw new CliError(`its runtime is ${Runtime}. The layer needs ${RUNTIMES.join(" or ")}.`)
  const now = settingsOf(configuration)
  const layers = [...now.layers.filter((arn) => !isOurLayer(arn)), layer]
  if (layers.length > MAX_LAYERS) throw new CliError(`it has ${MAX_LAYERS} layers, the most there can be. Remove one.`)

  if (!endpoint && !endpointOf(now.variables)) throw new CliError("it has no endpoint for its spans. Give --endpoint.")
  const given = now.variables[ENDPOINT]
  if (endpoint !== undefined && given !== undefined && given !== endpoint && !addedBefore(now).includes(ENDPOINT)) {
    throw new CliError(`it has ${ENDPOINT}=${given} already. Leave out --endpoint, or change the variable first.`)
  }
  const other = now.variables["AWS_LAMBDA_EXEC_WRAPPER"]
  const names = [...addedBefore(now), ...(endpoint !== undefined && given === undefined ? [ENDPOINT] : [])]
  const variables: Record<string, string> = {
    ...now.variables,
    ...(endpoint === undefined ? {} : { [ENDPOINT]: endpoint }),
    ...(other === undefined || other === WRAPPER ? {} : { [NEXT]: other }),
    ...(names.length === 0 ? {} : { [ADDED]: [...new Set(names)].join(",") }),
    AWS_LAMBDA_EXEC_WRAPPER: WRAPPER,
  }
  const bytes = Buffer.byteLength(JSON.stringify(variables))
  if (bytes > MAX_VARIABLE_BYTES)
    throw new CliError(`its variables would have ${bytes} bytes; Lambda allows ${MAX_VARIABLE_BYTES}. Shorten one.`)
  return { layers, variables }
}

/** The settings as they were before `added`. */
export function removed(now: Settings): Settings {
  const variables: Record<string, string> = { ...now.variables }
  for (const name of addedBefore(now)) delete variables[name]
  delete variables[ADDED]
  const next = variables[NEXT]
  delete variables[NEXT]
  if (variables["AWS_LAMBDA_EXEC_WRAPPER"] === WRAPPER) delete variables["AWS_LAMBDA_EXEC_WRAPPER"]
  if (next !== undefined) variables["AWS_LAMBDA_EXEC_WRAPPER"] = next
  return { layers: now.layers.filter((arn) => !isOurLayer(arn)), variables }
}

export function isSame(one: Settings, other: Settings): boolean {
  const sorted = (settings: Settings) => JSON.stringify([settings.layers, Object.entries(settings.variables).sort()])
  return sorted(one) === sorted(other)
}

/** What changes, in words. */
export function changesIn(from: Settings, to: Settings): string {
  const plus = (name: string) => `+${name}`
  const minus = (name: string) => `-${name}`
  const layers = [
    ...to.layers.filter((arn) => !from.layers.includes(arn)).map(plus),
    ...from.layers.filter((arn) => !to.layers.includes(arn)).map(minus),
  ]
  const names = new Set([...Object.keys(from.variables), ...Object.keys(to.variables)])
  // Values may be secret: names are enough.
  const variables = [...names].flatMap((name) => {
    if (from.variables[name] === to.variables[name]) return []
    if (from.variables[name] === undefined) return [plus(name)]
    return [to.variables[name] === undefined ? minus(name) : `~${name}`]
  })
  return [...layers, ...variables].join(" ")
}

function addedBefore({ variables }: Settings): string[] {
  return variables[ADDED]?.split(",") ?? []
}
