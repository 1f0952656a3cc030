import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, test, vi } from "vitest"
import type { SpanRecord } from "../../../src/core/contracts.ts"
import type { Environment } from "../../../src/environment/contracts.ts"
import { withTracing } from "../../../src/platforms/lambda/with-tracing.ts"
import { certificate } from "../../_certificate.ts"
import { certificateFile } from "../../faults/cells.ts"
import { late } from "../../faults.ts"
import { runtimes } from "../../runtimes/runtimes.ts"
import { collect, open, spansInTime } from "./_open.ts"

const adaptive = { env: { ANTIFREEZE_DELIVERY: "adaptive" }, functionName: "functions" }

/** Bytes that wait on disk. */
function waiting(environment: Environment): number {
  const folder = join(environment.tmpDir, "antifreeze-journal")
  if (!existsSync(folder)) return 0
  return readdirSync(folder).reduce((sum, name) => sum + readFileSync(join(folder, name)).length, 0)
}

async function invokeTimes(environment: Environment, times: number, event: object = {}) {
  const all = []
  for (let count = 0; count < times; count++) all.push(await environment.invoke(event))
  return all
}

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))("adaptive delivery on %s", (_name, runtime) => {
  test("the first two deliver at once; frequent ones wait on disk, and are not held", { retry: 2 }, async () => {
    const collector = await collect({ onRequest: late(40) })
    const environment = open(runtime, "functions.noop", collector, adaptive)
    const first = await invokeTimes(environment, 2)
    for (const invocation of first) expect(spansInTime(collector, invocation).length).toBeGreaterThan(0)
    expect(waiting(environment)).toBe(0)
    const next = await invokeTimes(environment, 5)
    for (const invocation of next) expect(spansInTime(collector, invocation)).toEqual([])
    expect(Math.min(...next.map(({ heldMs }) => heldMs))).toBeLessThan(20)
    expect(waiting(environment)).toBeGreaterThan(0)
  })

  test("what has waited for a second goes out beside the next invocation, and the freeze waits for it", { retry: 2 }, async () => {
    const collector = await collect({ onRequest: late(40) })
    const environment = open(runtime, "functions.five", collector, adaptive)
    await invokeTimes(environment, 4)
    const before = collector.batches.length
    // Less than a second between two of them, and more between the first that waits and the last.
    for (let count = 0; count < 2; count++) {
      await sleep(300)
      await invokeTimes(environment, 1)
    }
    await sleep(600)
    const next = await environment.invoke({ pauseMs: 60 })
    const [beside] = collector.batches.slice(before)
    // Beside the handler, which takes 180 ms: neither before it nor after it.
    expect(beside?.receivedAtMs).toBeGreaterThan(next.eventAtMs)
    expect(beside?.receivedAtMs).toBeLessThan(next.respondedAtMs)
    expect(beside?.spans.filter((span) => span.name === "functions")).toHaveLength(4)
    expect(next.payload.toString()).toBe('"done"')
  })

  test("rare ones deliver at once, and take along what waits", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.noop", collector, adaptive)
    await invokeTimes(environment, 4)
    await sleep(1_100)
    const rare = await environment.invoke({})
    expect(spansInTime(collector, rare).filter((span) => span.name === "functions")).toHaveLength(3)
    expect(waiting(environment)).toBe(0)
  })

  test("many spans go out before their second is over", async () => {
    const collector = await collect()
    const environment = open(runtime, "soak.handler", collector, { ...adaptive, functionName: "soak" })
    await invokeTimes(environment, 12, { id: "many", children: 50 })
    expect(collector.batches.length).toBe(3)
  })

  test.each(["functions.noop", "graceful.handler"])("the end of the environment delivers what waits over HTTPS (%s)", async (handler) => {
    const tls = await certificate()
    const collector = await collect({ tls, onRequest: late(25) })
    const env = { ...adaptive.env, OTEL_EXPORTER_OTLP_CERTIFICATE: certificateFile(tls.cert) }
    const environment = open(runtime, handler, collector, { ...adaptive, env })
    await invokeTimes(environment, 5)
    expect(collector.spans.filter((span) => span.name === "functions")).toHaveLength(2)
    await environment.close()
    expect(collector.spans.filter((span) => span.name === "functions")).toHaveLength(5)
  })
})

// Of the two, the runtime that has callbacks.
test("an answer by callback, which waits for an empty event loop, does not wait for the adaptive delivery", { retry: 2 }, async () => {
  const collector = await collect({ onRequest: late(200) })
  const environment = open(runtimes.ric3, "functions.callback", collector, adaptive)
  await invokeTimes(environment, 4)
  await sleep(600)
  await invokeTimes(environment, 1)
  await sleep(600)
  const next = await environment.invoke({})
  expect(next.responseMs).toBeLessThan(150)
  expect(spansInTime(collector, next).filter((span) => span.name === "functions")).toHaveLength(4)
})

test("what an exporter has failed to take is tried with the next delivery", async () => {
  const taken: string[] = []
  let calls = 0
  const exporter = {
    export(spans: readonly SpanRecord[]) {
      if (calls++ === 0) return Promise.reject(new Error("not now"))
      taken.push(...spans.map(({ operationName }) => operationName))
      return Promise.resolve({ delivered: spans.length, dropped: 0, kept: 0 })
    },
  }
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {})
  const handler = withTracing(async (..._args: [object, object]) => "ok", { exporter })
  for (const functionName of ["first", "second"]) expect(await handler({}, { awsRequestId: functionName, functionName })).toBe("ok")
  expect(taken).toEqual(["first", "second"])
  warn.mockRestore()
})

test("an option that is no mode is one line of log", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {})
  withTracing(async () => {}, { delivery: "sometimes" as "after" })
  expect(warn.mock.calls).toEqual([["[antifreeze] delivery=sometimes is ignored. Give after, adaptive or before."]])
  warn.mockRestore()
})

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))("delivery before the response on %s", (_name, runtime) => {
  test("registers nothing, and the client has its answer once the spans have arrived", async () => {
    const collector = await collect({ onRequest: late(40) })
    const environment = open(runtime, "functions.noop", collector, { env: { ANTIFREEZE_DELIVERY: "before" } })
    for (const invocation of await invokeTimes(environment, 3)) {
      expect(invocation.extensionRegistered).toBe(false)
      expect(invocation.responseMs).toBeGreaterThan(40)
      expect(invocation.payload.toString()).toBe('"ok"')
    }
    expect(collector.batches).toHaveLength(3)
    for (const batch of collector.batches) expect(batch.spans.length).toBeGreaterThan(0)
  })
})

test("a wrong mode is one line of log, and the default", async () => {
  const collector = await collect()
  const environment = open(runtimes.ric4, "functions.noop", collector, { env: { ANTIFREEZE_DELIVERY: "sometimes" } })
  const { logs } = await environment.invoke({})
  expect(logs.match(/\[antifreeze\].*/g)).toEqual([
    "[antifreeze] ANTIFREEZE_DELIVERY=sometimes is ignored. Give after, adaptive or before.",
  ])
  expect(collector.spans.length).toBeGreaterThan(0)
})
