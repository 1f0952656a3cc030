import type { FunctionConfiguration } from "@aws-sdk/client-lambda"
import { type Command, readArguments } from "./_arguments.ts"
import { isOurLayer, layersOf, openLambda, REGION, RUNTIMES, WRAPPER } from "./_aws.ts"
import { required, tell } from "./_each.ts"
import { endpointOf, settingsOf } from "./_plan.ts"

/** `antifreeze doctor`. */
export const doctor: Command = {
  usage: `Usage: antifreeze doctor FUNCTION… [--region R]

Checks the configuration of functions and says what is wrong with it. The exit code is 1 when something is.

${REGION}`,
  async run(argv) {
    const parsed = readArguments(argv, { region: { type: "string" } })
    const { region } = parsed.values
    let wrong = 0
    for (const name of required(parsed.positionals)) {
      try {
        const lambda = await openLambda(region)
        const configuration = await lambda.getFunctionConfiguration({ FunctionName: name })
        const troubles = examine(configuration)
        wrong += troubles.length
        const lines = [...troubles, ...notesOn(configuration)]
        process.stdout.write(lines.length === 0 ? `${name}: all is well.\n` : `${name}:\n${lines.map((line) => `  - ${line}\n`).join("")}`)
      } catch (error) {
        wrong++
        if (tell(name, error, region)) break
      }
    }
    return wrong === 0 ? 0 : 1
  },
}

/** Lambda's limit for code and layers together, unpacked. */
const MAX_BYTES = 250 * 1024 * 1024
/** The longest wait for an endpoint when nothing else is set. */
const EXPORT_TIMEOUT_MS = 300
/** What the layer has more than when it is the full one. */
const FULL_BYTES = 65_000
const OTHERS = /datadog|dd-trace|opentelemetry|aws-otel|newrelic|sentry|lumigo|thundra|dynatrace/i

/** What may be as it should, which no configuration tells. */
function notesOn(configuration: FunctionConfiguration): string[] {
  if (nodeMajorOf(configuration) === undefined || hasOurLayer(configuration)) return []
  return ["no layer is attached: it runs untraced unless it is wrapped in code. If it is not, run antifreeze instrument."]
}

/** `undefined`: not Node, or an image, of which it is not known. */
function nodeMajorOf({ Runtime }: FunctionConfiguration): number | undefined {
  const [, major] = /^nodejs(\d+)/.exec(Runtime ?? "") ?? []
  return major === undefined ? undefined : Number(major)
}

function hasOurLayer(configuration: FunctionConfiguration): boolean {
  return layersOf(configuration).some((arn) => isOurLayer(arn))
}

/** What is wrong with a function's configuration, each with what to do. */
function examine(configuration: FunctionConfiguration): string[] {
  const { PackageType, Runtime, State, StateReason, Timeout = 3, CodeSize = 0, Layers = [] } = configuration
  const { layers, variables } = settingsOf(configuration)
  const isImage = PackageType === "Image"
  const major = nodeMajorOf(configuration)
  if (!isImage && major === undefined) return [`the runtime is ${Runtime}, and antifreeze traces Node.js.`]
  const wrapper = variables["AWS_LAMBDA_EXEC_WRAPPER"]
  const hasLayer = hasOurLayer(configuration)
  const endpoint = endpointOf(variables)
  const waitMs = Number(variables["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"] ?? variables["OTEL_EXPORTER_OTLP_TIMEOUT"] ?? EXPORT_TIMEOUT_MS)
  const protocol = variables["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] ?? variables["OTEL_EXPORTER_OTLP_PROTOCOL"] ?? "http/json"
  const bytes = CodeSize + Layers.reduce((sum, layer) => sum + (layer.CodeSize ?? 0), 0)
  const ownBytes = Layers.reduce((sum, { Arn = "", CodeSize: size = 0 }) => sum + (isOurLayer(Arn) ? size : 0), 0)
  const captures = Boolean(variables["ANTIFREEZE_CAPTURE"])
  const other = layers.find((arn) => OTHERS.test(arn))
  const checks: [wrong: boolean, what: string][] = [
    [State === "Failed", `the function is not usable: ${StateReason}.`],
    [major !== undefined && major < 22, `the runtime is ${Runtime}: it runs untraced. Move to ${RUNTIMES.join(" or ")}.`],
    [hasLayer && wrapper === undefined, `the layer is there but not switched on. Set AWS_LAMBDA_EXEC_WRAPPER=${WRAPPER}.`],
    [
      hasLayer && wrapper !== undefined && wrapper !== WRAPPER,
      `another exec wrapper is in use: ${wrapper}. Set AWS_LAMBDA_EXEC_WRAPPER=${WRAPPER} and ANTIFREEZE_NEXT_WRAPPER=${wrapper}.`,
    ],
    [
      wrapper === WRAPPER && !hasLayer && !isImage,
      `AWS_LAMBDA_EXEC_WRAPPER=${WRAPPER}, but there is no such file without the layer: every start fails.`,
    ],
    [
      captures && ownBytes > 0 && ownBytes < FULL_BYTES,
      "ANTIFREEZE_CAPTURE asks for payloads, which this layer cannot capture by itself. Run antifreeze layer publish --full and instrument it again.",
    ],
    [endpoint === undefined, "no endpoint is set: nothing is exported. Set OTEL_EXPORTER_OTLP_ENDPOINT."],
    [endpoint !== undefined && !/^https?:\/\/[^/]/.test(endpoint), `the endpoint ${JSON.stringify(endpoint)} is not an http or https URL.`],
    [
      /^https?:\/\/(localhost|127\.|\[::1\])/.test(endpoint ?? "") && layers.length < 2,
      `the endpoint ${endpoint} is inside the function's own environment, and no other layer listens there.`,
    ],
    [protocol !== "http/json", `OTEL_EXPORTER_OTLP_PROTOCOL=${protocol} is ignored: spans are sent as http/json.`],
    [variables["OTEL_SDK_DISABLED"]?.toLowerCase() === "true", "OTEL_SDK_DISABLED=true switches tracing off."],
    [variables["OTEL_TRACES_EXPORTER"] === "none", "OTEL_TRACES_EXPORTER=none switches tracing off."],
    [
      waitMs >= Timeout * 1000,
      `a delivery may wait ${waitMs} ms for the endpoint, and the function's timeout is ${Timeout} s. Lower OTEL_EXPORTER_OTLP_TIMEOUT.`,
    ],
    [layers.length > 5, "more than 5 layers."],
    [bytes > MAX_BYTES / 3, `code and layers have ${Math.round(bytes / 1048576)} MB packed; unpacked they may not have more than 250 MB.`],
    [other !== undefined, `another tracing layer is attached: ${other}. Each adds its own cost and headers; keep one.`],
  ]
  return checks.filter(([wrong]) => wrong).map(([, what]) => what)
}
