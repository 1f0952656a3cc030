// The snippets of layer/README.md and serverless.yml, through the real tools, without an account.
import { execFile, execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, onTestFinished, test } from "vitest"

const root = fileURLToPath(new URL("../../", import.meta.url))
const modules = fileURLToPath(new URL("./fixtures/node_modules/", import.meta.url))

interface Template {
  readonly Resources: Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "antifreeze-deploy-"))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

function only(template: Template, type: string): Record<string, unknown> {
  const found = Object.values(template.Resources).filter(({ Type }) => Type === type)
  expect(found).toHaveLength(1)
  return found[0]?.Properties ?? {}
}

/** Mode and name of each file, as `ls -l` writes them. */
function filesIn(zip: string): string[] {
  const lines = execFileSync("unzip", ["-Z", zip], { encoding: "utf8" }).split("\n")
  return lines.filter((line) => line.startsWith("-")).map((line) => `${line.slice(0, 10)} ${line.split(" ").at(-1)}`)
}

test("osls packages function and layer", { timeout: 120_000 }, async () => {
  // Asked for the state of a stack that does not exist yet, CloudFormation answers so.
  const api = createServer((request, response) => {
    request.resume()
    response.writeHead(400, { "content-type": "text/xml" })
    response.end(
      "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack does not exist</Message></Error></ErrorResponse>",
    )
  })
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void api.close())
  const out = folder()
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: out,
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
    SLS_TELEMETRY_DISABLED: "1",
    SLS_NOTIFICATIONS_MODE: "off",
  }
  await new Promise<void>((resolve, reject) => {
    execFile(
      process.execPath,
      [join(modules, "osls/bin/serverless.js"), "package", "--package", out],
      { cwd: root, env },
      (error, stdout, stderr) => (error === null ? resolve() : reject(new Error(`${stdout}${stderr}`))),
    )
  })
  const template = JSON.parse(readFileSync(join(out, "cloudformation-template-update-stack.json"), "utf8")) as Template
  expect(only(template, "AWS::Lambda::LayerVersion")).toMatchObject({ CompatibleRuntimes: ["nodejs22.x", "nodejs24.x"] })
  expect(only(template, "AWS::Lambda::Function")).toMatchObject({
    Handler: "examples/lambda/handler.handler",
    Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/antifreeze" } },
    Layers: [{ Ref: "AntifreezeLambdaLayer" }],
  })
  expect(readdirSync(out).filter((name) => name.endsWith(".zip"))).toHaveLength(2)
  expect(filesIn(join(out, "antifreeze.zip"))).toContain("-rwxr-xr-x antifreeze")
  const packed = filesIn(join(out, "hello.zip"))
  expect(packed.length).toBeGreaterThan(0)
  expect(packed.filter((line) => !line.includes("examples/lambda/"))).toEqual([])
})

test("the CDK snippet of layer/README.md synthesises", { timeout: 120_000 }, () => {
  const [, snippet = ""] =
    /```ts\n(const antifreeze = new LayerVersion[\s\S]*?)```/.exec(readFileSync(join(root, "layer/README.md"), "utf8")) ?? []
  expect(snippet).not.toBe("")
  const place = folder()
  symlinkSync(modules, join(place, "node_modules"))
  const program = snippet
    .replace("node_modules/antifreeze/dist/layer.zip", join(root, "dist/layer.zip"))
    .replace('Code.fromAsset("shop")', `Code.fromAsset(${JSON.stringify(join(root, "examples/lambda"))})`)
    .replaceAll("this,", "stack,")
  writeFileSync(
    join(place, "app.mjs"),
    `import { App, Stack } from "aws-cdk-lib"
import { Architecture, Code, Function, LayerVersion, Runtime } from "aws-cdk-lib/aws-lambda"
const app = new App({ outdir: ${JSON.stringify(join(place, "out"))} })
const stack = new Stack(app, "Sample")
${program}
app.synth()
`,
  )
  execFileSync(process.execPath, [join(place, "app.mjs")], { cwd: place, stdio: "pipe" })
  const template = JSON.parse(readFileSync(join(place, "out/Sample.template.json"), "utf8")) as Template
  expect(only(template, "AWS::Lambda::LayerVersion")).toMatchObject({ CompatibleArchitectures: ["x86_64", "arm64"] })
  expect(only(template, "AWS::Lambda::Function")).toMatchObject({
    Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: "/opt/antifreeze" } },
    Layers: [{ Ref: expect.stringMatching(/^Antifreeze/) as string }],
  })
})
