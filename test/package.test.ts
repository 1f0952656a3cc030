import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { openEnvironment } from "../src/environment/environment.ts"
import { awsRuntime } from "../src/environment/runtimes.ts"
import { install } from "./_installed.ts"
import { collect, open, spansInTime } from "./platforms/lambda/_open.ts"
import { node22, node24, oldNodes, runtimeList, runtimes } from "./runtimes/runtimes.ts"

const root = fileURLToPath(new URL("../", import.meta.url))
const nodes = { "Node 22": [node22, "--no-experimental-require-module"], "Node 24": [node24] } as const

/** A folder in which the package is installed, with opentracing beside it. */
const project = mkdtempSync(join(tmpdir(), "antifreeze-project-"))
const own = install(project)

function run([node, ...flags]: readonly string[], file: string, code: string): string {
  writeFileSync(join(project, file), code)
  return execFileSync(node as string, [...flags, file], {
    cwd: project,
    encoding: "utf8",
  }).trim()
}

describe.each(Object.entries(nodes))("the package on %s", (_name, node) => {
  const names = "createTracer,flush,span,traced,tracer,withTracing"

  test("is imported and required under the same names, as one copy", () => {
    const code = `import * as esm from "antifreeze"; import { createRequire } from "node:module"; const cjs = createRequire(import.meta.url)("antifreeze")
      console.log(Object.keys(esm).sort().join(), Object.keys(cjs).sort().join(), esm.tracer === cjs.tracer)`
    expect(run(node, "names.mjs", code)).toBe(`${names} ${names} true`)
  })

  test("loads a part when something of it first happens", () => {
    const code = `const { tracer } = require("antifreeze"), http = require("node:http")
      const parts = () => Object.keys(require.cache).flatMap((file) => /later.(\\w+).js$/.exec(file)?.[1] ?? []).join()
      tracer.prepare()
      http.get("http://127.0.0.1:9").on("error", () => {})
      const seen = [parts()]
      tracer.startActiveSpan("root", async (span) => {
        seen.push(parts())
        const request = http.get("http://127.0.0.1:9").on("error", () => console.log(seen.join(" | "), span.tracer().loose.take().length))
        seen.push(parts())
      })`
    expect(run(node, "parts.cjs", code)).toBe("invocation | invocation | invocation,http 2")
  })

  test.each([
    ["require before us", `const o = require("opentracing"); const a = require("antifreeze");`],
    ["require after us", `const a = require("antifreeze"); const o = require("opentracing");`],
    ["import before us", `const o = await import("opentracing"); const a = require("antifreeze");`],
    ["import after us", `const a = require("antifreeze"); const o = await import("opentracing");`],
  ])("a program that loads opentracing by %s has our tracer as the global one, and our classes are the package's", (_title, load) => {
    const code = `import { createRequire } from "node:module"; const require = createRequire(import.meta.url); ${load}
      a.withTracing(async () => 1)
      const span = o.globalTracer().startSpan("x")
      console.log(span.tracer() === a.tracer, span instanceof o.Span, span.context() instanceof o.SpanContext, a.tracer instanceof o.Tracer, o.Tags.ERROR)`
    expect(run(node, "shared.mjs", code)).toBe("true true true true error")
  })

  test.each(["span", "tracer", "noop", "global_tracer"])("loads after one file of opentracing alone: %s", (file) => {
    const code = `import "opentracing/lib/${file}.js"; import { createRequire } from "node:module"; const require = createRequire(import.meta.url)
      const a = await import("antifreeze"), o = require("opentracing")
      console.log(a.createTracer() instanceof o.Tracer, a.tracer.startSpan("x") instanceof o.Span)`
    expect(run(node, "one-file.mjs", code)).toBe("true true")
  })

  test("has names for the types of what it gives", () => {
    const code = `import { createTracer, span, tracer, traced } from "antifreeze"
      export const t = createTracer()
      export const active = () => tracer.activeSpan
      export const inner = () => tracer.startActiveSpan("x", (each) => each)
      export const scope = () => tracer.scopeManager.active
      export const f = traced(async (n: number) => n), g = span("x", () => 1)
`
    writeFileSync(join(project, "types.mts"), code)
    const flags = ["--declaration", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "", "--outDir", "types"]
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...flags, "types.mts"], { cwd: project })
  })
})

test("each file of src/ is an entry, which is there for bundlers, `import` and `require`, with its types", () => {
  const entries = readdirSync(join(root, "src")).flatMap((file) => /^(?!index|version)(.*)\.ts$/.exec(file)?.[1] ?? [])
  const { exports } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as { exports: Record<string, unknown> }
  expect(Object.keys(exports).sort()).toEqual([".", "./package.json", ...entries.map((name) => `./${name}`)].sort())
  const named = JSON.stringify(exports).matchAll(/"\.\/(dist\/[^"]*)"/g)
  for (const [, file = ""] of named) {
    expect(existsSync(join(own, file))).toBe(true)
    if (!file.startsWith("dist/edge/")) expect(existsSync(join(own, file.replace(/\.js$/, ".d.ts")))).toBe(true)
  }
})

test.each(Object.entries(oldNodes))("on Node %s the handler is given back untraced, with one line of log", (_major, node) => {
  writeFileSync(
    join(project, "old.cjs"),
    `const a = require("antifreeze"); const f = async () => 1; console.log(a.withTracing(f) === f, a.withTracing(f) === f)`,
  )
  writeFileSync(
    join(project, "old.mjs"),
    `import { createTracer, withTracing, tracer } from "antifreeze"; const f = async () => 1
      process.env.OTEL_LOG_LEVEL = "none"; createTracer({ timeoutMs: -1 }).startSpan("x"); process.env.OTEL_LOG_LEVEL = ""
      console.log(withTracing(f) === f, tracer.startSpan("x") !== undefined)`,
  )
  for (const file of ["old.cjs", "old.mjs"]) {
    const { stdout, stderr, status } = spawnSync(node, [file], {
      cwd: project,
      encoding: "utf8",
    })
    expect([status, stdout.trim()]).toEqual([0, "true true"])
    expect(stderr.match(/\[antifreeze\]/g)).toHaveLength(1)
  }
})

test("on Lambda's Node 20 the function runs untraced", async () => {
  const taskRoot = fileURLToPath(new URL("./platforms/lambda/fixtures", import.meta.url))
  const client = runtimes.ric3.bootstrap[1] as string
  const environment = openEnvironment({
    handler: "functions.noop",
    taskRoot,
    runtime: awsRuntime(client, oldNodes[20]),
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" },
  })
  const invocation = await environment.invoke({})
  await environment.close()
  expect(invocation.payload.toString()).toBe('"ok"')
  expect(invocation.extensions).toEqual([])
  expect(invocation.logs.match(/\[antifreeze\]/g)).toHaveLength(1)
})

describe.each(runtimeList)("a handler with a callback on %s", (_name, runtime) => {
  test("is refused or served in the runtime's own words", async () => {
    const outcomes = [{ OTEL_SDK_DISABLED: "true" }, {}].map(async (env: Record<string, string>) => {
      const environment = open(runtime, "functions.callback", await collect(), { env })
      const { payload, functionError, error } = await environment.invoke({})
      await environment.close()
      return [payload.toString().replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID"), functionError, error?.errorType, error?.errorMessage]
    })
    const [bare, traced] = await Promise.all(outcomes)
    expect(traced).toEqual(bare)
  })
})

describe.each(runtimeList)("the process ends as it would without us on %s", (_name, runtime) => {
  test.each(["exits", "crashes"])("when the function %s", async (handler) => {
    const collector = await collect()
    const bare = await open(runtime, `ends.${handler}`, undefined, { env: { OTEL_SDK_DISABLED: "true" } }).invoke({})
    const traced = await open(runtime, `ends.${handler}`, collector).invoke({})
    const same = ({ error, functionError }: typeof bare) => [
      functionError,
      error?.errorType,
      error?.errorMessage.replace(/[0-9a-f-]{36}/, "ID"),
    ]
    expect(same(traced)).toEqual(same(bare))
  })
})

test("a part that cannot be loaded breaks nothing", async () => {
  const taskRoot = mkdtempSync(join(tmpdir(), "antifreeze-broken-"))
  rmSync(join(install(taskRoot), "dist/cjs/later/ending.js"))
  // It lasts longer than 100 ms: from there on there is a journal.
  const code = `const { withTracing, span } = require("antifreeze")
    exports.handler = withTracing(async () => { await new Promise((r) => setTimeout(r, 150)); return span("late", () => "fine") }, { delivery: "adaptive" })`
  writeFileSync(join(taskRoot, "index.cjs"), code)
  const environment = open(runtimes.ric4, "index.handler", await collect(), { taskRoot })
  for (let count = 0; count < 3; count++) {
    const { payload, heldMs, logs } = await environment.invoke({})
    expect(payload.toString()).toBe('"fine"')
    expect(heldMs).toBeLessThan(1_000)
    expect(logs.match(/\[antifreeze\]/g) ?? []).toHaveLength(count === 0 ? 1 : 0)
  }
})

test.each([
  ["Node 22", runtimes.own22, "--experimental-permission"],
  ["Node 24", runtimes.own24, "--permission"],
])("where the permission model refuses the raw connection, spans are still delivered (%s)", async (_name, runtime, flag) => {
  const collector = await collect()
  const nodeFlags = [flag, "--allow-fs-read=*"]
  const environment = open(runtime, "functions.noop", collector, { functionName: "functions", nodeFlags })
  for (let count = 0; count < 2; count++) {
    const invocation = await environment.invoke({})
    expect(invocation.payload.toString()).toBe('"ok"')
    expect(spansInTime(collector, invocation).map((span) => span.name)).toContain("functions")
  }
})
