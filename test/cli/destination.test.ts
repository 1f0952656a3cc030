// Where `antifreeze invoke` lets the spans go.
import { fileURLToPath } from "node:url"
import { expect, onTestFinished, test } from "vitest"
import { startCollector } from "../../src/viewer/collector.ts"
import { fixtures as untraced } from "../environment/_open.ts"
import { freePort } from "../free-port.mjs"
import { collect, fixtures } from "../platforms/lambda/_open.ts"
import { oldNodes, runtimes } from "../runtimes/runtimes.ts"
import { installed, launch, type Ran, run, until } from "./_run.ts"

const port = String(await freePort())

function invoke(argv: readonly string[], env: Record<string, string> = {}, node?: string): Promise<Ran> {
  return run(["invoke", ...argv, "--port", port], env, installed, node)
}

test("without an endpoint it draws each trace after its invocation", async () => {
  const { code, stdout, stderr } = await invoke(["functions.five", "--root", fixtures, "--times", "2"])
  expect([code, stderr]).toEqual([0, ""])
  const [first, second] = stdout.split(/(?<=\n)(?=[\w-]{36} ok)/)
  expect(first).toMatch(/"done"\n\nfunction · function +[\d.]+ ms\ntrace \w{32} · 7 spans\n[^]*❄ cold start[^]*· child 5/)
  expect(second).toMatch(/"done"\n\nfunction · function +[\d.]+ ms\ntrace \w{32} · 6 spans\n[^]*· child 5/)
})

test("draws the trace of a function that fails", async () => {
  const { code, stdout, stderr } = await invoke(["functions.throws", "--root", fixtures])
  expect([code, stderr]).toEqual([1, ""])
  expect(stdout).toMatch(/· 2 spans · 1 error\n[^]*✗ Custom: on purpose/)
})

test("says that no span came", async () => {
  const { code, stderr } = await invoke(["module.handler", "--root", untraced])
  expect([code, stderr]).toEqual([0, "[antifreeze] no span came: the handler is not wrapped by withTracing, or not sampled.\n"])
})

test("gives them to antifreeze dev, where that runs", async () => {
  const devPort = String(await freePort())
  const { output } = launch(["dev", "--port", devPort])
  await until(() => output().includes("Ctrl-C ends."))
  const { code, stdout, stderr } = await run(["invoke", "functions.noop", "--root", fixtures, "--port", devPort], {}, installed)
  expect([code, stderr]).toEqual([0, `[antifreeze] antifreeze dev runs on port ${devPort}: it gets the spans.\n`])
  expect(stdout).not.toContain("· function")
  await until(() => /function · function[^]*· 2 spans/.test(output()))
})

test("sends nothing to another program on that port", async () => {
  const other = await startCollector({
    onRequest({ response }) {
      response.end("{}")
      return true
    },
  })
  onTestFinished(() => other.close())
  const { stdout } = await run(["invoke", "functions.noop", "--root", fixtures, "--port", String(other.port)], {}, installed)
  expect([stdout.match(/· 2 spans/g)?.length, other.spans]).toEqual([1, []])
})

test("passes the shell's OTEL_* and ANTIFREEZE_* variables on, and no others; --env wins", async () => {
  const shell = { OTEL_SERVICE_NAME: "shell", OTEL_TRACES_EXPORTER: "none", ANTIFREEZE_DELIVERY: "before", SECRET: "x" }
  const { stdout, stderr } = await invoke(["shapes.process", "--root", untraced, "--env", "OTEL_SERVICE_NAME=mine"], shell)
  for (const variable of ['"OTEL_SERVICE_NAME":"mine"', '"OTEL_TRACES_EXPORTER":"none"', '"ANTIFREEZE_DELIVERY":"before"'])
    expect(stdout).toContain(variable)
  expect(stdout).not.toMatch(/SECRET":"x|OTEL_EXPORTER_OTLP_ENDPOINT/)
  expect(stderr).toBe("")
})

test.each(["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])("sends them where %s says", async (name) => {
  const collector = await collect()
  const url = name.includes("TRACES") ? `${collector.url}/v1/traces` : collector.url
  const { stdout, stderr } = await invoke(["functions.noop", "--root", fixtures], { [name]: url })
  expect([stderr, stdout.includes("trace ")]).toEqual(["", false])
  expect(collector.spans.map((span) => span.name)).toEqual(expect.arrayContaining(["function"]))
})

test.each([
  ["run on Node 20", [], oldNodes[20]],
  ["told to run the function on Node 20", ["--node", oldNodes[20]], runtimes.own24.node],
] as const)("%s, it runs the function untraced, and says so", async (_how, argv, node) => {
  const { code, stdout, stderr } = await invoke(["functions.noop", "--root", fixtures, ...argv], {}, node)
  expect([code, stderr]).toEqual([
    0,
    "[antifreeze] Node 20.20.2 is older than 22.15: the function runs untraced. Give a newer one with --node PATH.\n",
  ])
  expect(stdout).toMatch(/ ok\n[^]*\n"ok"\n$/)
})

test("run on Node 20, it traces a function on a newer one", async () => {
  const { code, stdout, stderr } = await invoke(["functions.noop", "--root", fixtures, "--node", runtimes.own24.node], {}, oldNodes[20])
  expect([code, stderr]).toEqual([0, ""])
  expect(stdout).toMatch(/"ok"\n\nfunction · function/)
})

test.each(Object.values(oldNodes))("our runtime streams responses on old Nodes too: %s", async (node) => {
  const root = fileURLToPath(new URL("fixtures", import.meta.url))
  const { code, stdout } = await invoke(["streams.handler", "--root", root, "--node", node])
  expect([code, stdout]).toEqual([0, expect.stringMatching(/first byte [^]*\none, two\n$/)])
})
