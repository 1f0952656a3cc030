// The Dockerfiles of layer/README.md, with the real aws-lambda-ric, without Docker: see _dockerfile.ts.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, onTestFinished, test } from "vitest"
import type { Invocation, Runtime } from "../../src/environment/contracts.ts"
import { openEnvironment } from "../../src/environment/environment.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { node22, node24, runtimes } from "../runtimes/runtimes.ts"
import { buildImage } from "./_dockerfile.ts"
import { functions } from "./bundles.ts"

const readme = readFileSync(new URL("../../layer/README.md", import.meta.url), "utf8")
const dockerfiles = [...readme.matchAll(/```dockerfile\n([\s\S]*?)```/g)].map(([, text = ""]) => text)
const [base = "", custom = ""] = dockerfiles
/** As they were before antifreeze. */
const bareBase = base.replace(/ENV AWS_LAMBDA_EXEC_WRAPPER=.*\n/, "")
const bareCustom = custom.replace('"/opt/antifreeze", ', "")
const preloaded = bareCustom.replace(/^ENV /m, 'ENV NODE_OPTIONS="--require /opt/nodejs/node_modules/antifreeze/preload.cjs" ')

test("the README has the two Dockerfiles that are tested here", () => {
  expect(dockerfiles).toHaveLength(2)
  expect([base === bareBase, custom === bareCustom, preloaded === bareCustom]).toEqual([false, false, false])
  expect(readme).toContain('ENV NODE_OPTIONS="--require /opt/nodejs/node_modules/antifreeze/preload.cjs"')
})

interface Ran {
  readonly invocation: Invocation
  readonly spans: string[]
}

/** Builds the image around one function of the fixtures, named index, and invokes it twice. */
async function run(dockerfile: string, runtime: Runtime, handler = "index.handler"): Promise<Ran> {
  const collector = await startCollector()
  const context = mkdtempSync(join(tmpdir(), "antifreeze-context-"))
  for (const file of ["common.cjs", "call.cjs"]) cpSync(join(functions, file), join(context, file === "call.cjs" ? file : "index.cjs"))
  const version = runtime === runtimes.ric3 ? 1 : 0
  const client = dirname(runtime.bootstrap[version] as string)
  const folder = version === 1 ? (runtime.bootstrap[1] as string) : client
  const image = buildImage(dockerfile, { context, modules: dirname(folder), client: folder, handler })
  onTestFinished(async () => {
    await collector.close()
    image.remove()
    rmSync(context, { recursive: true })
  })
  const environment = openEnvironment({
    ...{ handler: "index.handler", taskRoot: context, runtime, timeoutMs: 5000 },
    env: { AWS_LAMBDA_EXEC_WRAPPER: image.start, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, UPSTREAM: `${collector.url}/` },
  })
  await environment.invoke({ n: 0 })
  const invocation = await environment.invoke({ n: 1 }, { requestId: "00000000-0000-0000-0000-000000000001" })
  await environment.close()
  return { invocation, spans: collector.spans.map(({ name, kind }) => `${kind} ${name}`) }
}

const twice = ["internal init", "client GET", "server function", "client GET", "server function"]
/** Where Lambda leaves `_HANDLER` empty, it has the name with us: all that differs. */
const result = ({ invocation: { payload, functionError, reset } }: Ran) => [
  payload.toString().replace('"handler":""', '"handler":"index.handler"'),
  functionError,
  reset,
]

describe("AWS's base image", () => {
  test.each([
    ["Node 24", runtimes.ric4],
    ["Node 22 on the client of Node 24", { ...runtimes.ric4, node: node22 }],
  ] as const)("is traced by its exec wrapper: %s", { timeout: 120_000 }, async (_name, runtime) => {
    const ours = await run(base, runtime)
    expect(result(ours)).toEqual(result(await run(bareBase, runtime)))
    expect(ours.invocation.functionError).toBeUndefined()
    expect([ours.invocation.extensions, ours.spans]).toEqual([["antifreeze"], twice])
  })
})

describe("another image, with npx aws-lambda-ric", () => {
  test.each([
    ["aws-lambda-ric 3, _HANDLER is empty", runtimes.ric3, ""],
    ["aws-lambda-ric 3, _HANDLER is set", runtimes.ric3, "index.handler"],
    ["aws-lambda-ric 4, _HANDLER is set", { ...runtimes.ric4, node: node24 }, "index.handler"],
  ] as const)("is traced by the entry point or by NODE_OPTIONS: %s", { timeout: 120_000 }, async (_name, runtime, handler) => {
    const bare = await run(bareCustom, runtime, handler)
    expect([bare.invocation.functionError, bare.spans]).toEqual([undefined, []])
    for (const dockerfile of [custom, preloaded]) {
      const ours = await run(dockerfile, runtime, handler)
      expect(result(ours)).toEqual(result(bare))
      expect([ours.invocation.extensions, ours.spans]).toEqual([["antifreeze"], twice])
    }
  })

  // Version 4 alone does not start then: it takes the name from nowhere else.
  test("aws-lambda-ric 4, _HANDLER is empty: the entry point gives it the name", { timeout: 120_000 }, async () => {
    const bare = await run(bareCustom, runtimes.ric4, "")
    expect(bare.invocation.functionError).toBe("Runtime.ExitError")
    const ours = await run(custom, runtimes.ric4, "")
    expect([ours.invocation.functionError, ours.invocation.extensions, ours.spans]).toEqual([undefined, ["antifreeze"], twice])
  })
})
