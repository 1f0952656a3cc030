import { createHash } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface FakeFunction {
  FunctionName: string
  Runtime?: string
  PackageType?: string
  Timeout?: number
  CodeSize?: number
  State?: string
  StateReason?: string
  LastUpdateStatus?: string
  LastUpdateStatusReason?: string
  RevisionId?: string
  Layers?: { Arn: string; CodeSize?: number }[]
  Environment?: { Variables?: Record<string, string>; Error?: { ErrorCode: string; Message: string } }
}

interface LayerVersion {
  readonly arn: string
  readonly version: number
  readonly sha256: string
  readonly zip: Buffer
  readonly runtimes: string[]
  readonly architectures: string[]
  policy: object[]
}

export interface Refusal {
  readonly status: number
  readonly type: string
  readonly message: string
  /** How many requests are refused; default: all. */
  readonly times?: number
}

/** A server on this machine that speaks as much of the Lambda API as the commands use (AWS Lambda API reference, REST-JSON), and keeps to its rules. */
export interface LambdaApi {
  readonly url: string
  readonly functions: Map<string, FakeFunction>
  /** By region and layer name, oldest first. */
  readonly layers: Map<string, LayerVersion[]>
  /** `METHOD path` of every request, in order. */
  readonly requests: string[]
  /** Refuses what matches, as AWS does. */
  readonly refusals: { readonly match: RegExp; readonly refusal: Refusal; used: number }[]
  refuse(match: RegExp, refusal: Refusal): void
  /** How many reads of a function still see an update in progress after it was made. */
  updateReads: number
  close(): Promise<void>
}

const ACCOUNT = "123456789012"

export async function startLambdaApi(): Promise<LambdaApi> {
  let revision = 0
  const pending = new Map<string, number>()
  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const api: LambdaApi = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    functions: new Map(),
    layers: new Map(),
    requests: [],
    refusals: [],
    refuse: (match, refusal) => void api.refusals.push({ match, refusal, used: 0 }),
    updateReads: 0,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return api

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const body = text === "" ? {} : (JSON.parse(text) as Record<string, never>)
    const { pathname } = new URL(request.url ?? "/", api.url)
    // Signature Version 4: "Credential=key/date/region/service/aws4_request".
    const region = /Credential=[^/]*\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? "")?.[1] ?? "unsigned"
    const line = `${request.method} ${pathname}`
    api.requests.push(`${line} ${region}`)
    const refused = api.refusals.find(
      ({ match, refusal, used }) => match.test(`${line} ${region}`) && used < (refusal.times ?? Number.POSITIVE_INFINITY),
    )
    if (refused !== undefined) {
      refused.used++
      return reply(
        response,
        refused.refusal.status,
        { message: refused.refusal.message, Message: refused.refusal.message },
        refused.refusal.type,
      )
    }
    route(request.method ?? "", pathname, region, body, response)
  }

  function route(method: string, path: string, region: string, body: Record<string, unknown>, response: ServerResponse): void {
    const [, configurationOf] = /^\/2015-03-31\/functions\/([^/]+)\/configuration$/.exec(path) ?? []
    const [, layer, version, policy] = /^\/2018-10-31\/layers\/([^/]+)\/versions(?:\/(\d+))?(\/policy)?$/.exec(path) ?? []
    if (configurationOf !== undefined) {
      const found = api.functions.get(decodeURIComponent(configurationOf))
      if (found === undefined)
        return reply(response, 404, { Message: `Function not found: ${configurationOf}` }, "ResourceNotFoundException")
      return method === "PUT" ? change(found, body, response) : reply(response, 200, read(found))
    }
    if (path.replace(/\/$/, "") === "/2015-03-31/functions")
      return reply(response, 200, { Functions: [...api.functions.values()].map(read) })
    if (layer === undefined) return reply(response, 400, { Message: `no ${method} ${path}` }, "InvalidParameterValueException")
    const key = `${region} ${layer}`
    const versions = api.layers.get(key) ?? []
    if (policy !== undefined) return addPermission(versions, Number(version), body, response)
    if (method === "POST") return publish(key, region, layer, versions, body, response)
    const found = versions.find((one) => one.version === Number(version))
    if (version === undefined) return reply(response, 200, { LayerVersions: versions.toReversed().slice(0, 1).map(shown) })
    if (found === undefined)
      return reply(response, 404, { Message: "The resource you requested does not exist." }, "ResourceNotFoundException")
    if (method === "DELETE") {
      versions.splice(versions.indexOf(found), 1)
      return reply(response, 204, undefined)
    }
    reply(response, 200, shown(found))
  }

  function read(found: FakeFunction): FakeFunction {
    const left = pending.get(found.FunctionName) ?? 0
    pending.set(found.FunctionName, left - 1)
    found.RevisionId ??= `revision-${revision++}`
    return {
      State: "Active",
      PackageType: "Zip",
      ...found,
      LastUpdateStatus: left > 0 ? "InProgress" : (found.LastUpdateStatus ?? "Successful"),
    }
  }

  function change(found: FakeFunction, body: Record<string, unknown>, response: ServerResponse): void {
    if (body["RevisionId"] !== undefined && body["RevisionId"] !== found.RevisionId) {
      return reply(
        response,
        412,
        { Message: "The Revision Id provided does not match the latest Revision Id." },
        "PreconditionFailedException",
      )
    }
    found.Layers = (body["Layers"] as string[]).map((Arn) => ({ Arn }))
    found.Environment = body["Environment"] as NonNullable<FakeFunction["Environment"]>
    found.RevisionId = `revision-${revision++}`
    pending.set(found.FunctionName, api.updateReads)
    reply(response, 200, found)
  }

  function publish(
    key: string,
    region: string,
    layer: string,
    versions: LayerVersion[],
    body: Record<string, unknown>,
    response: ServerResponse,
  ): void {
    const zip = Buffer.from((body["Content"] as { ZipFile: string }).ZipFile, "base64")
    const version = Math.max(0, ...versions.map((one) => one.version)) + 1
    const made: LayerVersion = {
      arn: `arn:aws:lambda:${region}:${ACCOUNT}:layer:${layer}:${version}`,
      version,
      sha256: createHash("sha256").update(zip).digest("base64"),
      zip,
      runtimes: body["CompatibleRuntimes"] as string[],
      architectures: body["CompatibleArchitectures"] as string[],
      policy: [],
    }
    api.layers.set(key, [...versions, made])
    reply(response, 201, shown(made))
  }

  function addPermission(versions: LayerVersion[], version: number, body: Record<string, unknown>, response: ServerResponse): void {
    const found = versions.find((one) => one.version === version)
    if (found === undefined) return reply(response, 404, { Message: "no such version" }, "ResourceNotFoundException")
    if (found.policy.length > 0)
      return reply(response, 409, { Message: "The statement id (public) provided already exists." }, "ResourceConflictException")
    found.policy.push(body)
    reply(response, 201, { Statement: JSON.stringify(body), RevisionId: "1" })
  }
}

function shown({ arn, version, sha256, zip }: LayerVersion): object {
  return { LayerVersionArn: arn, Version: version, Content: { CodeSha256: sha256, CodeSize: zip.length } }
}

function reply(response: ServerResponse, status: number, body: unknown, errorType?: string): void {
  response.writeHead(status, { "content-type": "application/json", ...(errorType && { "x-amzn-errortype": errorType }) })
  response.end(body === undefined ? undefined : JSON.stringify(body))
}
