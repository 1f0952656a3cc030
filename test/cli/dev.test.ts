import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { once } from "node:events"
import { afterEach, expect, it } from "vitest"
import { encodeTraces } from "../../src/otlp/encode.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { record, spanId } from "../otlp/_records.ts"

let running: Running | undefined
afterEach(() => running?.process.kill("SIGKILL"))

it("says how to send spans, draws a trace and ends with Ctrl-C", async () => {
  const { url, output, process } = await start("--port", "0")
  expect(output()).toContain(`OTEL_EXPORTER_OTLP_ENDPOINT=${url}\n  OTEL_EXPORTER_OTLP_PROTOCOL=http/json`)
  await send(url, [record({ spanId: spanId(2), parentSpanId: spanId(1), operationName: "child" })])
  await send(url, [record({ spanId: spanId(1), operationName: "GET /hello" })])
  await until(() => output().includes("2 spans"))
  expect(output()).toMatch(/GET \/hello · orders +1 ms\ntrace 5b8efff798038103d269b633813fc60c · 2 spans\n/)
  expect(output()).not.toContain("\u001b")
  process.kill("SIGINT")
  expect(await once(process, "exit")).toEqual([0, null])
})

it("draws what is left when it is interrupted", async () => {
  const { url, output, process } = await start("--port", "0")
  await send(url, [record({ spanId: spanId(2), parentSpanId: spanId(1), operationName: "orphan" })])
  process.kill("SIGTERM")
  expect(await once(process, "exit")).toEqual([0, null])
  expect(output()).toContain("? parent 0000000000000001 not received\n└ · orphan")
})

it("writes one line of JSON per span with --json, and nothing else to stdout", async () => {
  const { url, output, process } = await start("--json", "--port=0")
  await send(url, [record({ spanId: spanId(1), tags: new Map([["n", 1]]) }), record({ spanId: spanId(2) })])
  await until(() => output().split("\n").length === 3)
  const lines = output()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
  expect(lines).toMatchObject([{ spanId: spanId(1), attributes: { n: 1 } }, { spanId: spanId(2) }])
  process.kill("SIGINT")
  expect(await once(process, "exit")).toEqual([0, null])
})

it("says that the port is in use", async () => {
  const taken = await startCollector()
  const { exitCode, errors } = await run("--port", String(taken.port))
  await taken.close()
  expect(exitCode).toBe(1)
  expect(errors).toBe(`[antifreeze] port ${taken.port} is in use. Stop the program that listens there, or choose another with --port.\n`)
})

it.each([
  [["--port", "http"], /^\[antifreeze\] --port must be a number from 0 to 65535, not "http"\.\n$/],
  [["--port", "65536"], /^\[antifreeze\] --port must be/],
  [["--nonsense"], /^\[antifreeze\] Unknown option '--nonsense'[^]*Usage: antifreeze dev/],
  [["extra"], /^\[antifreeze\] Unexpected argument 'extra'/],
])("refuses %j", async (argv, message) => {
  const { exitCode, errors } = await run(...argv)
  expect(exitCode).toBe(1)
  expect(errors).toMatch(message)
})

it("shows its usage", async () => {
  const { exitCode, output } = await run("--help")
  expect(exitCode).toBe(0)
  expect(output).toMatch(/^Usage: antifreeze dev \[--port 4318\] \[--json\]\n/)
})

interface Running {
  readonly process: ChildProcessWithoutNullStreams
  readonly url: string
  output(): string
}

function launch(argv: readonly string[]): { child: ChildProcessWithoutNullStreams; output: () => string; errors: () => string } {
  const module = new URL("../../src/cli/dev.ts", import.meta.url).href
  const script = `const { dev } = await import(${JSON.stringify(module)}); process.exitCode = await dev(process.argv.slice(1))`
  const child = spawn(process.execPath, ["--input-type=module", "--no-warnings", "-e", script, "--", ...argv])
  let [output, errors] = ["", ""]
  child.stdout.on("data", (chunk: Buffer) => (output += chunk))
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk))
  return { child, output: () => output, errors: () => errors }
}

async function start(...argv: string[]): Promise<Running> {
  const { child, output, errors } = launch(argv)
  running = { process: child, url: "", output }
  const greeting = () => /ENDPOINT=(\S+)[^]*Ctrl-C ends\./.exec(output() + errors())
  await until(() => greeting() !== null)
  return (running = { process: child, url: greeting()![1]!, output })
}

async function run(...argv: string[]): Promise<{ exitCode: number; output: string; errors: string }> {
  const { child, output, errors } = launch(argv)
  const [exitCode] = (await once(child, "close")) as [number]
  return { exitCode, output: output(), errors: errors() }
}

async function send(url: string, spans: Parameters<typeof encodeTraces>[0]): Promise<void> {
  const body = encodeTraces(spans, new Map([["service.name", "orders"]]), { name: "antifreeze", version: "0" })
  const { status } = await fetch(`${url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body })
  expect(status).toBe(200)
}

async function until(holds: () => boolean): Promise<void> {
  for (let waitedMs = 0; !holds(); waitedMs += 20) {
    if (waitedMs > 10_000) throw new Error("it never happened")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
