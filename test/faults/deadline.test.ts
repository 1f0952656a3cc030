import { describe, expect, test } from "vitest"
import { late } from "../faults.ts"
import { collect, namesOf, open } from "../platforms/lambda/_open.ts"
import { runtimes } from "../runtimes/runtimes.ts"

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))("near the deadline on %s", (_name, runtime) => {
  test("what is under way is delivered before the kill, the hanging call first of all", async () => {
    const collector = await collect({ onRequest: late(25) })
    const environment = open(runtime, "endings.hangs", collector, { functionName: "functions", timeoutMs: 700 })
    const invocation = await environment.invoke({})
    expect(invocation.error?.errorType).toBe("Sandbox.Timedout")
    expect(namesOf(collector.spans)).toEqual(["done", "functions", "hanging", "init"])
    const [hanging, root] = ["hanging", "functions"].map((name) => collector.spans.find((span) => span.name === name))
    expect(hanging?.attributes["antifreeze.unfinished"]).toBe(true)
    expect(root?.attributes).toMatchObject({ "antifreeze.unfinished": true, "antifreeze.revision": 1 })
    expect(hanging?.durationUs).toBeGreaterThan(300_000)
  })

  test("a handler that completes after all is told again, under the same id", async () => {
    const collector = await collect()
    // It is done between the margin and the deadline, well apart from both.
    const env = { ANTIFREEZE_DEADLINE_MARGIN: "400" }
    const environment = open(runtime, "functions.five", collector, { functionName: "functions", timeoutMs: 2_000, env })
    const invocation = await environment.invoke({ pauseMs: 560 })
    expect(invocation.payload.toString()).toBe('"done"')
    const roots = collector.batches.flatMap((batch) => batch.spans).filter((span) => span.name === "functions")
    expect(roots.map((span) => span.attributes["antifreeze.revision"])).toEqual([1, 2])
    expect(new Set(roots.map((span) => span.spanId)).size).toBe(1)
    expect(roots[1]?.attributes["antifreeze.unfinished"]).toBeUndefined()
    // The viewer shows the newest alone.
    expect(collector.spans.filter((span) => span.name === "functions")).toEqual([roots[1]])
  })

  test("an invocation that ends well before it is told once, and no timer is left", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.noop", collector, { functionName: "functions", timeoutMs: 500 })
    for (let count = 0; count < 3; count++) {
      await environment.invoke({})
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    const roots = collector.spans.filter((span) => span.name === "functions")
    expect(roots).toHaveLength(3)
    expect(roots.every((span) => span.attributes["antifreeze.revision"] === undefined)).toBe(true)
  })

  test("the margin can be set, and switched off", { retry: 2 }, async () => {
    const collector = await collect()
    const wide = open(runtime, "endings.hangs", collector, { timeoutMs: 900, env: { ANTIFREEZE_DEADLINE_MARGIN: "400" } })
    const { eventAtMs } = await wide.invoke({})
    expect(collector.batches[0]?.receivedAtMs).toBeLessThan(eventAtMs + 700)
    collector.clear()
    const off = open(runtime, "endings.hangs", collector, { timeoutMs: 900, env: { ANTIFREEZE_DEADLINE_MARGIN: "off" } })
    await off.invoke({})
    expect(collector.spans).toEqual([])
    const wrong = open(runtime, "endings.hangs", collector, { timeoutMs: 900, env: { ANTIFREEZE_DEADLINE_MARGIN: "200ms" } })
    const { logs } = await wrong.invoke({})
    expect(logs).toContain("[antifreeze] ANTIFREEZE_DEADLINE_MARGIN=200ms is ignored. Give milliseconds, or off.")
    expect(collector.spans).not.toEqual([])
  })
})
