import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import type { Environment } from "../../src/environment/contracts.ts"
import { certificate } from "../_certificate.ts"
import { late, never, status } from "../faults.ts"
import { collect, namesOf, open } from "../platforms/lambda/_open.ts"
import { runtimes } from "../runtimes/runtimes.ts"
import { certificateFile } from "./cells.ts"

const folderOf = (environment: Environment) => join(environment.tmpDir, "antifreeze-journal")
const ALL = ["done", "functions", "hanging", "init"]

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))("the journal on %s", (_name, runtime) => {
  test("a short invocation never touches the disk", async () => {
    const environment = open(runtime, "functions.five", await collect())
    for (let count = 0; count < 3; count++) await environment.invoke({})
    expect(readdirSync(environment.tmpDir)).toEqual([])
  })

  test("one that lasts is written down, for nobody else to read, and wiped once it is delivered", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.five", collector)
    const running = environment.invoke({ pauseMs: 100 })
    await expect.poll(() => existsSync(folderOf(environment)) && readdirSync(folderOf(environment)).length, { timeout: 3_000 }).toBe(1)
    const file = join(folderOf(environment), readdirSync(folderOf(environment))[0] ?? "")
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(folderOf(environment)).mode & 0o777).toBe(0o700)
    await expect.poll(() => readFileSync(file, "utf8"), { timeout: 1_000 }).toContain("child 1")
    await running
    expect(readFileSync(file, "utf8")).toBe("")
  })

  test("what a killed process has left is delivered once, with how it ended, beside the next invocation", async () => {
    const collector = await collect()
    const environment = open(runtime, "endings.killed", collector, { functionName: "functions" })
    await environment.invoke({ afterMs: 150 })
    expect(collector.spans).toEqual([])
    const next = await environment.invoke({ fine: true })
    expect(next.payload.toString()).toBe('"fine"')
    for (let count = 0; count < 2; count++) await environment.invoke({ fine: true })
    const [dead] = collector.spans.filter((span) => span.attributes["antifreeze.ended"] === "killed" && span.name === "functions")
    const its = collector.spans.filter((span) => span.traceId === dead?.traceId)
    expect(namesOf(its)).toEqual(ALL)
    expect(dead?.status).toMatchObject({ code: "error" })
    expect(dead?.durationUs).toBeGreaterThan(140_000)
    expect(its.find((span) => span.name === "done")?.attributes["antifreeze.ended"]).toBeUndefined()
    // Before the freeze of that invocation, and not before it began.
    const batch = collector.batches.find(({ spans }) => spans.some((span) => span.spanId === dead?.spanId))
    expect(batch?.receivedAtMs).toBeGreaterThan(next.eventAtMs)
    expect(batch?.receivedAtMs).toBeLessThan(next.frozenAtMs ?? 0)
  })

  test("also where every invocation is killed", async () => {
    const collector = await collect()
    const environment = open(runtime, "endings.killed", collector, { functionName: "functions" })
    for (let count = 0; count < 4; count++) await environment.invoke({ afterMs: 150 })
    await environment.invoke({ fine: true })
    expect(collector.spans.filter((span) => span.name === "functions")).toHaveLength(5)
  })

  test("what every process sends and none lives to see answered goes out twice, and not with each of them", async () => {
    const tls = await certificate()
    const collector = await collect({ tls, onRequest: late(30) })
    const env = { OTEL_EXPORTER_OTLP_CERTIFICATE: certificateFile(tls.cert) }
    const environment = open(runtime, "endings.pipes", collector, { functionName: "functions", env })
    for (let count = 0; count < 5; count++) await environment.invoke({})
    for (let count = 0; count < 2; count++) await environment.invoke({ fine: true })
    const times = new Map<string, number>()
    for (const { name, spanId } of collector.batches.flatMap(({ spans }) => spans))
      if (name === "functions") times.set(spanId, (times.get(spanId) ?? 0) + 1)
    expect(times.size).toBe(7)
    expect(Math.max(...times.values())).toBeLessThanOrEqual(2)
    expect(readdirSync(folderOf(environment)).filter((name) => name.includes("sent"))).toEqual([])
  })

  test("an endpoint that fails leaves it for the process after", async () => {
    let broken = true
    const collector = await collect({ onRequest: (exchange) => broken && status(503)(exchange) })
    const environment = open(runtime, "endings.killed", collector, { functionName: "functions" })
    for (let count = 0; count < 2; count++) await environment.invoke({ afterMs: 150 })
    broken = false
    await environment.invoke({ fine: true })
    expect(collector.spans.filter((span) => span.name === "functions")).toHaveLength(3)
  })

  test("an endpoint that never answers does not hold the next invocation past its deadline", { retry: 2 }, async () => {
    const collector = await collect({ onRequest: never() })
    const env = { OTEL_EXPORTER_OTLP_TIMEOUT: "5000" }
    const environment = open(runtime, "endings.killed", collector, { timeoutMs: 1_000, env })
    await environment.invoke({ afterMs: 150 })
    const next = await environment.invoke({ fine: true })
    expect(next.payload.toString()).toBe('"fine"')
    expect(next.reset).toBeUndefined()
  })

  test("corrupt, truncated, foreign and huge journals are survived", async () => {
    const collector = await collect()
    const environment = open(runtime, "endings.killed", collector, { functionName: "functions" })
    await environment.invoke({ afterMs: 150 })
    const folder = folderOf(environment)
    const [name = ""] = readdirSync(folder)
    const whole = readFileSync(join(folder, name), "utf8")
    const journal = (index: number) => join(folder, `${String(index).repeat(16)}.journal`)
    writeFileSync(journal(1), whole.slice(0, whole.length - 20))
    writeFileSync(journal(2), whole.replaceAll("a", "b"))
    writeFileSync(journal(3), Buffer.alloc(20 * 1024 * 1024, "x"))
    writeFileSync(journal(4), '{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}\n')
    symlinkSync("/etc/hostname", journal(5))
    mkdirSync(journal(6))
    writeFileSync(join(folder, "not-ours.txt"), "mine")
    const next = await environment.invoke({ fine: true })
    expect(next.payload.toString()).toBe('"fine"')
    expect(new Set(collector.spans.map((span) => span.spanId)).size).toBe(8)
    expect(readdirSync(folder).sort()).toEqual(
      [journal(5), journal(6), join(folder, "not-ours.txt")].map((path) => path.slice(folder.length + 1)),
    )
  })

  test("a folder that cannot be written costs one line of log", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.five", collector)
    writeFileSync(folderOf(environment), "in the way")
    const invocations = [await environment.invoke({ pauseMs: 60 }), await environment.invoke({ pauseMs: 60 })]
    for (const { payload } of invocations) expect(payload.toString()).toBe('"done"')
    expect(invocations.map(({ logs }) => logs.match(/\[antifreeze\]/g)?.length ?? 0)).toEqual([1, 0])
  })
})
