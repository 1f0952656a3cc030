import { once } from "node:events"
import { expect, it } from "vitest"
import { startCollector } from "../../src/viewer/collector.ts"
import { record, spanId } from "../otlp/_records.ts"
import { oldNodes } from "../runtimes/runtimes.ts"
import { installed, launch, type Running, run, send, until } from "./_run.ts"

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

it("draws on Node 20, as it is installed", async () => {
  const { output, errors } = launch(["dev", "--port", "0"], installed, oldNodes[20])
  await until(() => output().includes("Ctrl-C ends."))
  await send(/ENDPOINT=(\S+)/.exec(output())![1]!, [record({ spanId: spanId(1), operationName: "GET /hello" })])
  await until(() => /GET \/hello · orders +1 ms\n/.test(output()))
  expect(errors()).toBe("")
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

it("says once why it refuses what it cannot read", async () => {
  const { url, errors, process } = await start("--port", "0")
  const protobuf = { method: "POST", headers: { "content-type": "application/x-protobuf" }, body: "x" }
  for (let count = 0; count < 3; count++) expect((await fetch(`${url}/v1/traces`, protobuf)).status).toBe(415)
  expect((await fetch(`${url}/v1/metrics`, { ...protobuf, headers: { "content-type": "application/json" } })).status).toBe(404)
  process.kill("SIGINT")
  expect(await once(process, "close")).toEqual([0, null])
  expect(errors()).toBe(
    "[antifreeze] refused with 415: protobuf is not read yet; set OTEL_EXPORTER_OTLP_PROTOCOL=http/json\n" +
      '[antifreeze] refused with 404: nothing is served at "/v1/metrics"; traces go to /v1/traces\n',
  )
})

it("says that the port is in use", async () => {
  const taken = await startCollector()
  const { code, stderr } = await run(["dev", "--port", String(taken.port)])
  await taken.close()
  expect(code).toBe(1)
  expect(stderr).toBe(`[antifreeze] port ${taken.port} is in use. Stop the program that listens there, or choose another with --port.\n`)
})

interface Dev extends Running {
  readonly url: string
}

async function start(...argv: string[]): Promise<Dev> {
  const running = launch(["dev", ...argv])
  const greeting = () => /ENDPOINT=(\S+)[^]*Ctrl-C ends\./.exec(running.output() + running.errors())
  await until(() => greeting() !== null)
  return { ...running, url: greeting()![1]! }
}
