// The layer as a whole: what is in the zip, every way to switch it on, and a function that cannot tell whether it is there.
import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, onTestFinished, test } from "vitest"
import type { EnvironmentOptions, Invocation, Runtime } from "../../src/environment/contracts.ts"
import { openEnvironment } from "../../src/environment/environment.ts"
import { type Collector, startCollector } from "../../src/viewer/collector.ts"
import { late } from "../faults.ts"
import { runtimes } from "../runtimes/runtimes.ts"
import { layered, opt } from "./_compare.ts"
import { buildBundles, functions } from "./bundles.ts"

const both = [
  ["Node 22, aws-lambda-ric 3", runtimes.ric3],
  ["Node 24, aws-lambda-ric 4", runtimes.ric4],
] as const
const zip = fileURLToPath(new URL("../../dist/layer.zip", import.meta.url))

beforeAll(buildBundles)

interface Seen extends Invocation {
  readonly stdout: string
  readonly stderr: string
}

async function run(
  runtime: Runtime,
  handler: string,
  env: Record<string, string>,
  more: Partial<EnvironmentOptions> = {},
): Promise<Seen[]> {
  const written = { stdout: "", stderr: "" }
  const environment = openEnvironment({
    ...{ handler, runtime, taskRoot: functions, optRoot: opt, timeoutMs: 5000 },
    // Lambda sets PWD; where it is missing, sh does.
    env: { AWS_LAMBDA_LOG_STREAM_NAME: "stream", PWD: functions.replace(/\/$/, ""), ...env },
    onLog: (line, stream) => {
      written[stream] += `${line}\n`
    },
    ...more,
  })
  const invocations: Seen[] = []
  try {
    for (let n = 0; n < 2; n++) {
      const invocation = await environment.invoke({ n }, { requestId: `00000000-0000-0000-0000-00000000000${n}` })
      invocations.push({ ...invocation, ...written })
      written.stdout = written.stderr = ""
    }
  } finally {
    await environment.close()
  }
  return invocations
}

async function collect(): Promise<Collector> {
  const collector = await startCollector()
  onTestFinished(() => collector.close())
  return collector
}

function traced({ url }: Collector): Record<string, string> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: url }
}

function rootsIn(collector: Collector): number {
  return collector.spans.filter(({ parentSpanId }) => parentSpanId === undefined).length
}

describe("the zip", () => {
  test("has under 60 kB, and under 200 kB unpacked", () => {
    const unpacked = readdirSync(opt, { recursive: true, encoding: "utf8" }).map((name) => statSync(join(opt, name)))
    expect(statSync(zip).size).toBeLessThan(60_000)
    expect(unpacked.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(200_000)
  })

  test("unpacks to what is mounted, with the executable bit", () => {
    const folder = mkdtempSync(join(tmpdir(), "antifreeze-zip-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    execFileSync("unzip", ["-q", zip, "-d", folder])
    const files = (at: string) => readdirSync(at, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(at, name)).isFile())
    expect(files(folder).sort()).toEqual(files(opt).sort())
    for (const name of files(opt)) expect(readFileSync(join(folder, name))).toEqual(readFileSync(join(opt, name)))
    expect(statSync(join(folder, "antifreeze")).mode & 0o777).toBe(0o755)
  })

  test("has the same bytes when it is built again, in another time zone and at another time", { timeout: 120_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), "antifreeze-build-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const script = fileURLToPath(new URL("../../scripts/build-layer.mjs", import.meta.url))
    const build = (out: string, TZ: string) => {
      const code = `const { buildLayer } = await import(${JSON.stringify(script)}); await buildLayer("1.2.3", ${JSON.stringify(out)})`
      execFileSync(process.execPath, ["--input-type=module", "-e", code], { env: { ...process.env, TZ } })
      return readFileSync(join(out, "layer.zip"))
    }
    expect(build(join(folder, "one"), "UTC").equals(build(join(folder, "two"), "Asia/Tokyo"))).toBe(true)
  })
})

describe("the exec wrapper", () => {
  const { AWS_LAMBDA_EXEC_WRAPPER: wrapper = "" } = layered
  const handed = (handler: string) => {
    const { stdout, stderr } = spawnSync(wrapper, ["/usr/bin/env"], { env: { _HANDLER: handler }, encoding: "utf8" })
    return { handler: /^_HANDLER=(.*)$/m.exec(stdout)?.[1], original: /^_ANTIFREEZE_HANDLER=(.*)$/m.exec(stdout)?.[1], stderr }
  }

  test.each(["index.handler", "src/api/index.main", "a.b.c", "dir.with.dots/index.handler", "it's a 'file'.handler"])(
    "redirects %s",
    (handler) => {
      expect(handed(handler)).toEqual({ handler: `${opt}/nodejs/node_modules/antifreeze/handler.handler`, original: handler, stderr: "" })
    },
  )

  test.each(["nodot", "dir.x/nodot", "../index.handler", ""])("leaves %j for the runtime to refuse", (handler) => {
    expect(handed(handler)).toEqual({ handler, original: undefined, stderr: "" })
  })

  test("takes the handler from the last argument where the variable is empty, and puts ours there", () => {
    const argv = ["-c", 'echo "$_HANDLER $_ANTIFREEZE_HANDLER" "$@"', "sh", "a b", "index.handler"]
    const out = execFileSync(wrapper, ["/bin/sh", ...argv], { env: { _HANDLER: "" }, encoding: "utf8" })
    const own = `${opt}/nodejs/node_modules/antifreeze/handler.handler`
    expect(out).toBe(`${own} index.handler a b ${own}\n`)
  })

  test("hands arguments on as they are", () => {
    expect(execFileSync(wrapper, ["/bin/echo", "-n", "a  b", "$c", "*"], { encoding: "utf8" })).toBe("a  b $c *")
  })
})

describe.each(both)("%s", (_name, runtime) => {
  test.each(["compliance.handler", "compliance-esm.handler"])("a function sees nothing of the layer: %s", async (handler) => {
    const collector = await collect()
    const bare = await run(runtime, handler, {})
    const ours = await run(runtime, handler, { ...layered, ...traced(collector) })
    const visible = ({ payload, stdout, stderr, functionError, reset }: Seen) => ({
      payload: JSON.parse(payload.toString()) as unknown,
      stdout,
      stderr,
      functionError,
      reset,
    })
    const still = (seen: unknown) => JSON.parse(JSON.stringify(seen).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")) as unknown
    expect(still(ours.map(visible))).toEqual(still(bare.map(visible)))
    expect(ours[0]?.extensionRegistered).toBe(true)
    expect(rootsIn(collector)).toBe(2)
  })

  test("is switched on by an exec wrapper that runs another one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "antifreeze-wrapper-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const other = join(folder, "other")
    writeFileSync(other, '#!/bin/sh\nexport FROM_OTHER=yes\nexec "$@"\n')
    chmodSync(other, 0o755)
    const collector = await collect()
    const [first] = await run(runtime, "compliance.handler", { ...layered, ...traced(collector), ANTIFREEZE_NEXT_WRAPPER: other })
    expect(JSON.parse(String(first?.payload))).toMatchObject({ env: { FROM_OTHER: "yes", _HANDLER: "compliance.handler" } })
    expect(rootsIn(collector)).toBe(2)
  })

  test.each(["--require", "--import"])("is switched on by NODE_OPTIONS=%s, without an exec wrapper", async (flag) => {
    const collector = await collect()
    const env = { ...traced(collector), NODE_OPTIONS: `${flag} ${opt}/nodejs/node_modules/antifreeze/preload.cjs` }
    const [first] = await run(runtime, "common.handler", { ...env, UPSTREAM: collector.url })
    expect(JSON.parse(String(first?.payload))).toMatchObject({ n: 0, handler: "common.handler" })
    expect([rootsIn(collector), first?.extensionRegistered]).toEqual([2, true])
  })

  test("is switched on by the name of its handler alone", async () => {
    const collector = await collect()
    const env = { ...traced(collector), ANTIFREEZE_HANDLER: "common.handler", UPSTREAM: collector.url }
    const [first] = await run(runtime, `${opt}/nodejs/node_modules/antifreeze/handler.handler`, env)
    expect(JSON.parse(String(first?.payload))).toMatchObject({ n: 0, handler: "common.handler" })
    expect(rootsIn(collector)).toBe(2)
  })

  test.each(["refuse", "slow", "garbled"] as const)(
    "goes on in silence when the registration is answered so: %s",
    async (extensionsApi) => {
      const collector = await collect()
      const [first, second] = await run(
        runtime,
        "common.handler",
        { ...layered, ...traced(collector), UPSTREAM: collector.url },
        { extensionsApi },
      )
      expect([first?.functionError, second?.functionError, first?.stderr, second?.stderr]).toEqual([undefined, undefined, "", ""])
      expect(rootsIn(collector)).toBe(2)
    },
  )

  test("a stream ends before the delivery also where the freeze cannot be held", { retry: 2 }, async () => {
    const collector = await startCollector({ onRequest: late(250) })
    onTestFinished(() => collector.close())
    const env = { ...layered, ...traced(collector), UPSTREAM: collector.url }
    const [, second] = await run(runtime, "streaming.parts", env, { extensionsApi: "refuse" })
    expect(second?.responseMs).toBeLessThan(200)
    expect(rootsIn(collector)).toBe(2)
  })

  test("does nothing without an endpoint, and registers nothing", async () => {
    const [first] = await run(runtime, "compliance.handler", layered)
    expect([first?.extensionRegistered, first?.functionError]).toEqual([false, undefined])
  })

  test("leaves a function on an older runtime alone, and says so", async () => {
    const collector = await collect()
    const env = { ...layered, ...traced(collector), AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x", UPSTREAM: collector.url }
    const [first] = await run(runtime, "common.handler", env)
    expect(first?.stderr).toBe("[antifreeze] AWS_Lambda_nodejs20.x is older than Node 22.15: the function runs untraced.\n")
    expect([first?.functionError, collector.spans.length]).toEqual([undefined, 0])
  })

  test("runs the function untraced when the layer itself is broken", async () => {
    const folder = mkdtempSync(join(tmpdir(), "antifreeze-broken-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    execFileSync("cp", ["-r", `${opt}/.`, folder])
    writeFileSync(join(folder, "nodejs/node_modules/antifreeze/index.cjs"), 'throw new Error("out of order")\n')
    const env = { AWS_LAMBDA_EXEC_WRAPPER: join(folder, "antifreeze") }
    const [first] = await run(runtime, "compliance.handler", env, { optRoot: folder })
    expect(first?.functionError).toBeUndefined()
    expect(`${first?.stdout}${first?.stderr}`).toContain("[antifreeze] the function runs untraced: Error: out of order.")
  })

  test("a failed init is a span that tells the error, and reaches the collector before the process ends", async () => {
    const collector = await collect()
    const faulty = fileURLToPath(new URL("../environment/fixtures/", import.meta.url))
    await run(runtime, "throws.handler", { ...layered, ...traced(collector) }, { taskRoot: faulty })
    const [span] = collector.spans
    expect([span?.name, span?.status.code, span?.status.message]).toEqual(["init", "error", "at load"])
  })

  test.each(["dist/mapped.handler", "dist/mapped-inside.handler"])(
    "stacks tell the place in the source, and the function's own stay: %s",
    async (handler) => {
      const collector = await collect()
      const [first] = await run(runtime, handler, { ...layered, ...traced(collector) })
      expect(first?.error?.trace?.[1]).toContain(handler.replace(/handler$/, ""))
      const stack = collector.spans.flatMap(({ events }) => events.map(({ attributes }) => attributes["exception.stacktrace"]))[0]
      expect(stack).toContain(`${functions}ts/throws.ts:6:9)`)
    },
  )

  test("opentracing of the layer is the tracer's own: its spans are in the trace", async () => {
    for (const handler of ["opentracing.handler", "opentracing-esm.handler"]) {
      const collector = await collect()
      await run(runtime, handler, { ...layered, ...traced(collector), UPSTREAM: `${collector.url}/` })
      const names = collector.spans.filter(({ traceId }) => traceId === collector.spans[0]?.traceId).map(({ name }) => name)
      expect(names).toEqual(expect.arrayContaining(["own", "other", "function"]))
    }
  })
})
