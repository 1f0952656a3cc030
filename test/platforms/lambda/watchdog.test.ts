import { describe, expect, test } from "vitest"
import { certificate } from "../../_certificate.ts"
import { certificateFile } from "../../faults/cells.ts"
import { runtimes } from "../../runtimes/runtimes.ts"
import { collect, namesOf, open } from "./_open.ts"

/** A margin for a machine that has more to do than this. */
const env = { ANTIFREEZE_WATCHDOG: "true", ANTIFREEZE_DEADLINE_MARGIN: "800" }
const ALL = ["after", "done", "functions", "hanging", "inside"]

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))("the watchdog on %s", (_name, runtime) => {
  test.each(["http", "https"])("delivers what is known of a blocked invocation before the kill (%s)", async (transport) => {
    const tls = transport === "https" ? await certificate() : undefined
    const collector = await collect(tls && { tls })
    const trust = tls && { OTEL_EXPORTER_OTLP_CERTIFICATE: certificateFile(tls.cert) }
    const options = { functionName: "functions", timeoutMs: 2_000, env: { ...env, ...trust } }
    const environment = open(runtime, "endings.blocks", collector, options)
    await environment.invoke({ fine: true })
    collector.clear()
    const blocked = await environment.invoke({})
    expect(blocked.error?.errorType).toBe("Sandbox.Timedout")
    expect(namesOf(collector.spans)).toEqual(ALL)
    const of = (name: string) => collector.spans.find((span) => span.name === name)
    expect(of("functions")?.attributes).toMatchObject({ "antifreeze.unfinished": true, "antifreeze.revision": 1 })
    expect(of("after")?.attributes["antifreeze.unfinished"]).toBe(true)
    expect(of("after")?.durationUs).toBeGreaterThan(500_000)
    expect(of("inside")?.attributes["antifreeze.unfinished"]).toBeUndefined()
    // Told once: the next process finds nothing.
    await environment.invoke({ fine: true })
    expect(collector.batches.flatMap(({ spans }) => spans).filter((span) => span.name === "after")).toHaveLength(1)
  })

  test("sees the first invocation of an environment too", async () => {
    const collector = await collect()
    const environment = open(runtime, "endings.blocks", collector, { functionName: "functions", timeoutMs: 2_000, env })
    const blocked = await environment.invoke({})
    expect(blocked.error?.errorType).toBe("Sandbox.Timedout")
    expect(namesOf(collector.spans)).toEqual([...ALL, "init"].sort())
    expect(collector.spans.find((span) => span.name === "functions")?.attributes["antifreeze.revision"]).toBe(1)
  })

  test("a handler that goes on after all is told again, as a later revision", async () => {
    const collector = await collect()
    const environment = open(runtime, "endings.blocksFor", collector, { functionName: "functions", timeoutMs: 2_500, env })
    await environment.invoke({ fine: true })
    collector.clear()
    const slow = await environment.invoke({ ms: 2_000 })
    expect(slow.reset).toBeUndefined()
    const roots = collector.batches.flatMap(({ spans }) => spans).filter((span) => span.name === "functions")
    expect(roots.map((span) => span.attributes["antifreeze.revision"])).toEqual([1, 2])
    expect(collector.spans.find((span) => span.name === "hanging")?.attributes["antifreeze.unfinished"]).toBeUndefined()
  })

  test("a main thread that is not blocked acts by itself, and the process ends as it would", async () => {
    const collector = await collect()
    const environment = open(runtime, "endings.hangs", collector, { functionName: "functions", timeoutMs: 1_500, env })
    await environment.invoke({ fine: true })
    collector.clear()
    await environment.invoke({})
    const roots = collector.batches.flatMap(({ spans }) => spans).filter((span) => span.name === "functions")
    expect(roots).toHaveLength(1)
    await environment.close()
  })
})
