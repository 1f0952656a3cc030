// The commands for AWS, with the real SDK, against a server on this machine that speaks the Lambda API.

import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest"
import { oldNodes } from "../runtimes/runtimes.ts"
import { type FakeFunction, type LambdaApi, startLambdaApi } from "./_lambda-api.ts"
import { installed, type Ran, run } from "./_run.ts"

const zip = fileURLToPath(new URL("../../dist/layer.zip", import.meta.url))
const arn = (region: string, version: number) => `arn:aws:lambda:${region}:123456789012:layer:antifreeze:${version}`
const LAYER = arn("eu-west-1", 7)
const denied = (action: string) => ({
  status: 403,
  type: "AccessDeniedException",
  message: `User: arn:aws:iam::1:user/x is not authorized to perform: ${action} on resource: y`,
})

let api: LambdaApi
beforeEach(async () => {
  api = await startLambdaApi()
})
afterEach(() => api.close())

function aws(argv: string, env: Record<string, string> = {}, file?: string, node?: string): Promise<Ran> {
  const credentials = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret", AWS_REGION: "eu-west-1" }
  return run(argv.split(" "), { ...credentials, AWS_ENDPOINT_URL_LAMBDA: api.url, ...env }, file, node)
}

function given(name: string, more: Partial<FakeFunction> = {}): FakeFunction {
  const made: FakeFunction = { FunctionName: name, Runtime: "nodejs24.x", ...more }
  api.functions.set(name, made)
  return made
}

function settings(name: string): unknown {
  const { Layers = [], Environment } = api.functions.get(name) ?? {}
  return { layers: Layers.map(({ Arn }) => Arn), variables: Environment?.Variables ?? {} }
}

describe("layer publish", () => {
  test("publishes in each region, for both architectures and runtimes", async () => {
    const { code, stdout } = await aws(`layer publish --region eu-west-1 --region us-east-1 --zip ${zip}`)
    expect([code, stdout]).toEqual([0, `eu-west-1: published ${arn("eu-west-1", 1)}\nus-east-1: published ${arn("us-east-1", 1)}\n`])
    const [version] = api.layers.get("us-east-1 antifreeze") ?? []
    expect(version).toMatchObject({ runtimes: ["nodejs22.x", "nodejs24.x"], architectures: ["x86_64", "arm64"], policy: [] })
    expect(version?.sha256).toBe(createHash("sha256").update(readFileSync(zip)).digest("base64"))
  })

  test("does not publish the same bytes again", async () => {
    await aws(`layer publish --zip ${zip}`)
    const { code, stdout } = await aws(`layer publish --zip ${zip}`)
    expect([code, stdout]).toEqual([0, `default region: is up to date: ${arn("eu-west-1", 1)}\n`])
    expect(api.layers.get("eu-west-1 antifreeze")).toHaveLength(1)
  })

  test("publishes all of it as one zip when asked", async () => {
    const folder = mkdtempSync(join(tmpdir(), "antifreeze-full-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const { code } = await aws("layer publish --full", {}, installed)
    expect(code).toBe(0)
    const file = join(folder, "full.zip")
    writeFileSync(file, api.layers.get("eu-west-1 antifreeze")?.[0]?.zip ?? "")
    execFileSync("unzip", ["-q", file, "-d", join(folder, "opt")])
    const names = readdirSync(join(folder, "opt"), { recursive: true })
    expect(names).toEqual(
      expect.arrayContaining(["antifreeze", ...["index.cjs", "more.cjs"].map((name) => `nodejs/node_modules/antifreeze/${name}`)]),
    )
    expect(statSync(join(folder, "opt/antifreeze")).mode & 0o777).toBe(0o755)
  })

  test("shares it with every account when asked", async () => {
    await aws(`layer publish --public --zip ${zip}`)
    await aws(`layer publish --public --zip ${zip}`)
    expect(api.layers.get("eu-west-1 antifreeze")?.[0]?.policy).toEqual([
      expect.objectContaining({ Principal: "*", Action: "lambda:GetLayerVersion" }),
    ])
  })

  test("takes a version back that could not be shared", async () => {
    api.refuse(/policy/, denied("lambda:AddLayerVersionPermission"))
    const { code, stderr } = await aws(`layer publish --public --zip ${zip}`)
    expect(code).toBe(1)
    expect(stderr).toContain("the permission lambda:AddLayerVersionPermission is missing")
    expect(api.layers.get("eu-west-1 antifreeze")).toEqual([])
  })

  test("goes on with the other regions when one fails", async () => {
    api.refuse(/us-east-1$/, {
      status: 403,
      type: "UnrecognizedClientException",
      message: "The security token included in the request is invalid.",
    })
    const { code, stdout, stderr } = await aws(`layer publish --region us-east-1 --region eu-west-1 --zip ${zip}`)
    expect([code, stdout]).toEqual([1, `eu-west-1: published ${arn("eu-west-1", 1)}\n`])
    expect(stderr).toContain("us-east-1: AWS does not accept these credentials in us-east-1")
    expect(stderr).toContain("1 of 2 failed; the others are done")
  })

  test("changes nothing in a dry run", async () => {
    const { code, stdout } = await aws(`layer publish --public --dry-run --zip ${zip}`)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^default region: would publish \d+ bytes as antifreeze, public\n$/)
    expect(api.requests.every((line) => line.startsWith("GET "))).toBe(true)
  })
})

describe("instrument and uninstrument", () => {
  const before = { layers: ["arn:aws:lambda:eu-west-1:1:layer:other:3"], variables: { TABLE: "orders" } }
  const own = (): FakeFunction =>
    given("shop", { Layers: before.layers.map((Arn) => ({ Arn })), Environment: { Variables: { ...before.variables } } })

  test("adds layer and variables, keeps what is there, and can be undone", async () => {
    own()
    const { code, stdout } = await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    expect([code, stdout]).toEqual([0, `shop: changed +${LAYER} +OTEL_EXPORTER_OTLP_ENDPOINT +ANTIFREEZE_ADDED +AWS_LAMBDA_EXEC_WRAPPER\n`])
    expect(settings("shop")).toEqual({
      layers: [...before.layers, LAYER],
      variables: {
        TABLE: "orders",
        OTEL_EXPORTER_OTLP_ENDPOINT: "https://spans.example",
        ANTIFREEZE_ADDED: "OTEL_EXPORTER_OTLP_ENDPOINT",
        AWS_LAMBDA_EXEC_WRAPPER: "/opt/antifreeze",
      },
    })
    await aws("uninstrument shop")
    expect(settings("shop")).toEqual(before)
  })

  test("does nothing the second time", async () => {
    own()
    await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    const writes = () => api.requests.filter((line) => line.startsWith("PUT")).length
    const { stdout } = await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    expect([stdout, writes()]).toEqual(["shop: is instrumented already\n", 1])
    await aws("uninstrument shop")
    expect((await aws("uninstrument shop")).stdout).toBe("shop: has nothing of antifreeze\n")
    expect(writes()).toBe(2)
  })

  test("chains another exec wrapper, and puts it back", async () => {
    given("shop", { Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/other" } } })
    await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    expect(settings("shop")).toMatchObject({
      variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/antifreeze", ANTIFREEZE_NEXT_WRAPPER: "/opt/other" },
    })
    await aws("uninstrument shop")
    expect(settings("shop")).toEqual({ layers: [], variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/other" } })
  })

  test("replaces an older version by the newest of the account", async () => {
    await aws(`layer publish --zip ${zip}`)
    given("shop", { Layers: [{ Arn: arn("eu-west-1", 0) }] })
    await aws("instrument shop --endpoint https://spans.example")
    expect(settings("shop")).toMatchObject({ layers: [arn("eu-west-1", 1)] })
  })

  test("says so when there is no layer to add", async () => {
    own()
    const { code, stderr } = await aws("instrument shop --endpoint https://spans.example")
    expect([code, stderr]).toEqual([
      1,
      "[antifreeze] shop: there is no antifreeze layer in this account and region. Run antifreeze layer publish, or give --layer.\n",
    ])
  })

  test("refuses a function that would have no endpoint, and goes on with the others", async () => {
    given("none")
    given("empty", { Environment: { Variables: { OTEL_EXPORTER_OTLP_ENDPOINT: "" } } })
    given("traces", { Environment: { Variables: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://mine/v1/traces" } } })
    const { code, stdout, stderr } = await aws(`instrument none empty traces --layer ${LAYER}`)
    const line = (name: string) => `[antifreeze] ${name}: it has no endpoint for its spans. Give --endpoint.\n`
    expect([code, stderr]).toEqual([1, `${line("none")}${line("empty")}[antifreeze] 2 of 3 failed; the others are done.\n`])
    expect(stdout).toBe(`traces: changed +${LAYER} +AWS_LAMBDA_EXEC_WRAPPER\n`)
    expect(api.requests.filter((request) => request.startsWith("PUT"))).toHaveLength(1)
    expect((await aws("status traces")).stdout).toContain("https://mine/v1/traces")
  })

  test("leaves an endpoint of the function's own alone", async () => {
    given("shop", { Environment: { Variables: { OTEL_EXPORTER_OTLP_ENDPOINT: "https://mine" } } })
    const { code, stderr } = await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    expect(code).toBe(1)
    expect(stderr).toContain("it has OTEL_EXPORTER_OTLP_ENDPOINT=https://mine already")
    await aws(`instrument shop --layer ${LAYER}`)
    await aws("uninstrument shop")
    expect(settings("shop")).toEqual({ layers: [], variables: { OTEL_EXPORTER_OTLP_ENDPOINT: "https://mine" } })
  })

  test.each([
    ["a container image", { PackageType: "Image" }, "a container image has no layers"],
    ["another runtime", { Runtime: "python3.14" }, "its runtime is python3.14"],
    [
      "five layers",
      { Layers: Array.from({ length: 5 }, (_, n) => ({ Arn: `arn:aws:lambda:eu-west-1:1:layer:l${n}:1` })) },
      "it has 5 layers",
    ],
    [
      "variables that cannot be read",
      { Environment: { Error: { ErrorCode: "AccessDeniedException", Message: "no kms:Decrypt" } } },
      "its variables cannot be read",
    ],
    ["too many variables", { Environment: { Variables: { BIG: "x".repeat(4050) } } }, "its variables would have"],
  ] satisfies [string, Partial<FakeFunction>, string][])("refuses %s, and changes nothing", async (_title, more, message) => {
    given("shop", more)
    const { code, stderr } = await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    expect(code).toBe(1)
    expect(stderr).toContain(`shop: ${message}`)
    expect(api.requests.filter((line) => line.startsWith("PUT"))).toEqual([])
  })

  test.each([
    ["throttled for a while", { status: 429, type: "TooManyRequestsException", message: "Rate exceeded", times: 2 }, 0, ""],
    [
      "changed by somebody else",
      { status: 412, type: "PreconditionFailedException", message: "no" },
      1,
      "nothing was changed. Run the command again",
    ],
    [
      "in the middle of an update",
      { status: 409, type: "ResourceConflictException", message: "in progress" },
      1,
      "another update of it is still in progress",
    ],
    ["not allowed", denied("lambda:UpdateFunctionConfiguration"), 1, "the permission lambda:UpdateFunctionConfiguration is missing"],
  ])("answers clearly when %s", async (_title, refusal, exitCode, message) => {
    own()
    api.refuse(/^PUT/, refusal)
    const { code, stderr } = await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    expect(code).toBe(exitCode)
    expect(stderr).toContain(message)
    if (exitCode !== 0) expect(settings("shop")).toEqual(before)
  })

  test("waits until the update has been applied, and says when it was not", async () => {
    own()
    api.updateReads = 2
    expect((await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)).code).toBe(0)
    given("shop", { LastUpdateStatus: "Failed", LastUpdateStatusReason: "the layer cannot be read" })
    const { code, stderr } = await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    expect([code, stderr]).toEqual([
      1,
      "[antifreeze] shop: Lambda could not apply the change: the layer cannot be read. The function runs as before.\n",
    ])
  })

  test("works through all functions although one does not exist", async () => {
    own()
    const { code, stdout, stderr } = await aws(`instrument nope shop --layer ${LAYER} --endpoint https://spans.example`)
    expect(code).toBe(1)
    expect(stdout).toContain("shop: changed")
    expect(stderr).toContain("nope: it does not exist in this region")
  })

  test("changes nothing in a dry run", async () => {
    own()
    const { stdout } = await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example --dry-run`)
    expect(stdout).toContain("shop: would change +")
    expect(settings("shop")).toEqual(before)
  })
})

describe("status and doctor", () => {
  test("status counts the functions of a region", async () => {
    given("shop")
    given("plain")
    given("image", { PackageType: "Image" })
    await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    const { code, stdout } = await aws("status")
    expect(code).toBe(0)
    expect(stdout).toBe(
      "shop: layer version 7, https://spans.example (nodejs24.x)\nplain: not instrumented (nodejs24.x)\nimage: not instrumented (container image)\n1 of 3 functions are instrumented.\n",
    )
  })

  test("doctor finds nothing wrong with what instrument has made", async () => {
    given("shop")
    await aws(`instrument shop --layer ${LAYER} --endpoint https://spans.example`)
    const { code, stdout } = await aws("doctor shop")
    expect([code, stdout]).toEqual([0, "shop: all is well.\n"])
  })

  const layer = [{ Arn: LAYER }]
  const on = { AWS_LAMBDA_EXEC_WRAPPER: "/opt/antifreeze", OTEL_EXPORTER_OTLP_ENDPOINT: "https://spans.example" }
  test.each([
    ["neither layer nor endpoint", {}, "no layer is attached"],
    ["no endpoint", { Layers: layer, Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/antifreeze" } } }, "no endpoint is set"],
    [
      "another exec wrapper",
      { Layers: layer, Environment: { Variables: { ...on, AWS_LAMBDA_EXEC_WRAPPER: "/opt/other" } } },
      "another exec wrapper is in use: /opt/other",
    ],
    ["the wrapper without the layer", { Environment: { Variables: on } }, "there is no such file without the layer"],
    ["an old runtime", { Runtime: "nodejs20.x", Layers: layer, Environment: { Variables: on } }, "the runtime is nodejs20.x"],
    [
      "a size near the limit",
      { CodeSize: 90 * 1024 * 1024, Layers: layer, Environment: { Variables: on } },
      "unpacked they may not have more than 250 MB",
    ],
    [
      "tracing switched off",
      { Layers: layer, Environment: { Variables: { ...on, OTEL_SDK_DISABLED: "true" } } },
      "OTEL_SDK_DISABLED=true switches tracing off",
    ],
    [
      "a capture that this layer has not",
      { Layers: layer.map((one) => ({ ...one, CodeSize: 59_000 })), Environment: { Variables: { ...on, ANTIFREEZE_CAPTURE: "event" } } },
      "antifreeze layer publish --full",
    ],
    [
      "a wait longer than the timeout",
      { Timeout: 1, Layers: layer, Environment: { Variables: { ...on, OTEL_EXPORTER_OTLP_TIMEOUT: "5000" } } },
      "a delivery may wait 5000 ms",
    ],
    [
      "another tracing layer",
      { Layers: [...layer, { Arn: "arn:aws:lambda:eu-west-1:1:layer:Datadog-Node24-x:1" }], Environment: { Variables: on } },
      "another tracing layer is attached",
    ],
    ["a runtime that is too old", { Runtime: "nodejs18.x" }, "Move to nodejs22.x or nodejs24.x"],
  ] satisfies [string, Partial<FakeFunction>, string][])("doctor says what is wrong: %s", async (_title, more, message) => {
    given("shop", more)
    const { code, stdout } = await aws("doctor shop")
    expect(code).toBe(1)
    expect(stdout).toContain(message)
  })

  test("doctor does not take a function for wrong that may be wrapped in code", async () => {
    given("shop", { Environment: { Variables: { OTEL_EXPORTER_OTLP_ENDPOINT: "https://spans.example" } } })
    const { code, stdout } = await aws("doctor shop")
    expect([code, stdout]).toEqual([
      0,
      "shop:\n  - no layer is attached: it runs untraced unless it is wrapped in code. If it is not, run antifreeze instrument.\n",
    ])
  })

  test("doctor has one thing to say about what is not Node", async () => {
    given("shop", { Runtime: "python3.13" })
    const { code, stdout } = await aws("doctor shop")
    expect([code, stdout]).toEqual([1, "shop:\n  - the runtime is python3.13, and antifreeze traces Node.js.\n"])
  })
})

describe("without the AWS SDK", () => {
  const alone = mkdtempSync(join(tmpdir(), "antifreeze-alone-"))
  afterAll(() => rmSync(alone, { recursive: true }))
  cpSync(fileURLToPath(new URL("../../dist", import.meta.url)), join(alone, "dist"), { recursive: true })
  writeFileSync(join(alone, "package.json"), '{"type":"module"}')

  test.each([
    "layer publish",
    "instrument shop other --endpoint https://x",
    "uninstrument shop",
    "status",
    "status shop",
    "doctor shop other",
  ])("says once what to install: %s", async (command) => {
    const { code, stdout, stderr } = await aws(command, {}, join(alone, "dist/cli/main.js"))
    const message = "this command needs the AWS SDK beside antifreeze. Run: npm install --save-dev antifreeze @aws-sdk/client-lambda"
    expect([code, stdout, stderr]).toEqual([1, "", `[antifreeze] ${message}\n`])
  })
})

describe("on Node 20", () => {
  test("publishes, instruments and examines, as it is installed", async () => {
    given("shop")
    const on20 = (argv: string) => aws(argv, {}, installed, oldNodes[20])
    expect((await on20("layer publish")).stdout).toBe(`default region: published ${arn("eu-west-1", 1)}\n`)
    expect((await on20("instrument shop --endpoint https://spans.example")).code).toBe(0)
    expect((await on20("doctor shop")).stdout).toBe("shop: all is well.\n")
    expect((await on20("status")).stdout).toContain("1 of 1 functions are instrumented")
    expect((await on20("uninstrument shop")).code).toBe(0)
  })
})

describe("without an account", () => {
  test("says that there are no credentials", async () => {
    const { code, stderr } = await aws("status", { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" })
    expect([code, stderr]).toEqual([
      1,
      "[antifreeze] no AWS credentials were found. Run aws configure or aws sso login, or set AWS_PROFILE.\n",
    ])
  })

  test("says that there is no region", async () => {
    const { code, stderr } = await aws("status", { AWS_REGION: "" })
    expect([code, stderr]).toEqual([1, "[antifreeze] no region is set. Give --region or set AWS_REGION.\n"])
  })

  test("says that the API cannot be reached", async () => {
    const { code, stderr } = await aws("status", { AWS_ENDPOINT_URL_LAMBDA: "http://127.0.0.1:9", AWS_MAX_ATTEMPTS: "1" })
    expect(code).toBe(1)
    expect(stderr).toContain("cannot be reached")
  })
})
