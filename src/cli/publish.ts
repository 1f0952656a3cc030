import { createHash } from "node:crypto"
import type { Lambda } from "@aws-sdk/client-lambda"
import { type Command, readArguments } from "./_arguments.ts"
import { CliError, LAYER_NAME, openLambda, RUNTIMES } from "./_aws.ts"
import { forEach } from "./_each.ts"
import { readLayer } from "./_zip.ts"

/** `antifreeze layer publish`. */
export const publish: Command = {
  usage: `Usage: antifreeze layer publish [--region R]… [--full] [--public] [--dry-run]

Publishes the layer in your account, in each region given. What is there already, byte for byte, is not published again.

  --region R         region; repeat it for more (default: the SDK's, AWS_REGION)
  --name NAME        name of the layer (${LAYER_NAME})
  --full             with all libraries that have to be patched, and payload capture (20 kB more)
  --public           let every AWS account use it
  --zip FILE         another zip than the one of this package
  --dry-run          say what would be done, and do nothing
`,
  async run(argv) {
    const flags = {
      region: { type: "string", multiple: true },
      name: { type: "string", default: LAYER_NAME },
      public: { type: "boolean", default: false },
      zip: { type: "string" },
      full: { type: "boolean" },
      "dry-run": { type: "boolean" },
    } as const
    const { values } = readArguments(argv, flags, { names: false })
    const { region = [], name } = values
    const zip = readLayer(values)
    const regions = region.length > 0 ? region : ["default region"]
    const regionOf = (title: string) => (title === "default region" ? undefined : title)
    return forEach(regions, regionOf, async (title) => {
      const lambda = await openLambda(regionOf(title))
      const order = { lambda, name, zip, isPublic: values.public }
      return values["dry-run"] ? plan(order) : publishIn(order)
    })
  },
}

interface Order {
  readonly lambda: Lambda
  readonly name: string
  readonly zip: Buffer
  readonly isPublic: boolean
}

async function plan(order: Order): Promise<string> {
  const same = await latestIfSame(order)
  const shared = order.isPublic ? ", public" : ""
  return same === undefined ? `would publish ${order.zip.length} bytes as ${order.name}${shared}` : `is up to date: ${same.arn}`
}

/** A version that could not be shared as asked is taken back: all of it is done, or nothing. */
async function publishIn(order: Order): Promise<string> {
  const { lambda, name, zip, isPublic } = order
  const same = await latestIfSame(order)
  if (same !== undefined) {
    if (isPublic) await share(lambda, name, same.version)
    return `is up to date: ${same.arn}`
  }
  const { LayerVersionArn, Version } = await lambda.publishLayerVersion({
    LayerName: name,
    Description: "antifreeze: tracing, delivered after the response and before the freeze",
    Content: { ZipFile: zip },
    CompatibleRuntimes: [...RUNTIMES],
    CompatibleArchitectures: ["x86_64", "arm64"],
    LicenseInfo: "Apache-2.0",
  })
  if (LayerVersionArn === undefined || Version === undefined) throw new CliError("Lambda answered without the layer's ARN.")
  try {
    if (isPublic) await share(lambda, name, Version)
  } catch (error) {
    await lambda.deleteLayerVersion({ LayerName: name, VersionNumber: Version })
    throw error
  }
  return `published ${LayerVersionArn}${isPublic ? ", public" : ""}`
}

async function latestIfSame({ lambda, name, zip }: Order): Promise<{ arn: string; version: number } | undefined> {
  const { LayerVersions: [latest] = [] } = await lambda.listLayerVersions({ LayerName: name, MaxItems: 1 })
  if (latest?.Version === undefined || latest.LayerVersionArn === undefined) return undefined
  const { Content } = await lambda.getLayerVersion({ LayerName: name, VersionNumber: latest.Version })
  const same = Content?.CodeSha256 === createHash("sha256").update(zip).digest("base64")
  return same ? { arn: latest.LayerVersionArn, version: latest.Version } : undefined
}

async function share(lambda: Lambda, name: string, version: number): Promise<void> {
  const permission = { LayerName: name, VersionNumber: version, StatementId: "public", Action: "lambda:GetLayerVersion", Principal: "*" }
  await lambda.addLayerVersionPermission(permission).catch((error: { name?: string }) => {
    // It has been shared before.
    if (error.name !== "ResourceConflictException") throw error
  })
}
