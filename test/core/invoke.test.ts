import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import type { SpanRecord, Trigger } from "../../src/core/contracts.ts"
import { type InvokeOptions, invoke } from "../../src/core/invoke.ts"
import { testTracer } from "../_double.ts"

const trigger: Trigger = { operationName: "woken", kind: "server", tags: { "faas.trigger": "other" }, tagsOf: (result) => ({ result }) }

function set(settle?: InvokeOptions["settle"]) {
  const double = testTracer()
  const taken: SpanRecord[][] = []
  const options: InvokeOptions = {
    tracer: double.tracer,
    id: "1",
    trigger,
    tags: {},
    settle:
      settle ??
      ((take) => {
        taken.push(take())
        return undefined
      }),
  }
  return { ...double, taken, options }
}

describe("invoke", () => {
  test("opens a root span around the run and hands the batch to settle, once", async () => {
    const { options, tracer, taken } = set()
    const value = await invoke(options, async () => {
      await tracer.startActiveSpan("child", () => sleep(1))
      return 7
    })
    expect(value).toBe(7)
    expect(taken.map((spans) => spans.map((span) => span.operationName))).toEqual([["child", "woken"]])
    expect(taken[0]?.[1]?.tags.get("result")).toBe(7)
  })

  test("settles although somebody else has finished the root span", async () => {
    const { options, tracer, taken } = set()
    await invoke(options, async () => tracer.activeSpan?.finish())
    expect(taken).toHaveLength(1)
  })

  test("gives the same error, thrown or rejected", async () => {
    const { options, taken } = set()
    const error = new Error("no")
    expect(() =>
      invoke(options, () => {
        throw error
      }),
    ).toThrow(error)
    await expect(invoke(options, () => Promise.reject(error))).rejects.toBe(error)
    expect(taken.map(([root]) => root?.tags.get("error"))).toEqual([true, true])
  })

  test("holds the answer for as long as settle says", async () => {
    const order: string[] = []
    const { options } = set(() => sleep(5).then(() => order.push("settled")))
    await invoke(options, async () => 1)
    order.push("answered")
    await expect(invoke(options, () => Promise.reject(new Error("no")))).rejects.toThrow("no")
    order.push("failed")
    expect(order).toEqual(["settled", "answered", "settled", "failed"])
  })

  test("finishes children that still run, and marks them", async () => {
    const { options, tracer, taken } = set()
    await invoke(options, async () => {
      tracer.startSpan("forgotten")
    })
    expect(taken[0]?.map((span) => [span.operationName, span.tags.get("antifreeze.unfinished")])).toEqual([
      ["woken", undefined],
      ["forgotten", true],
    ])
  })

  test("spans that start after the end go to the next delivery", async () => {
    const { options, tracer, exporter } = set()
    let late: Promise<void> = Promise.resolve()
    await invoke(options, async () => {
      late = sleep(5).then(() => tracer.startSpan("late").finish())
    })
    await late
    await tracer.flush()
    expect(exporter.spans.map((span) => span.operationName)).toEqual(["late"])
  })

  test("concurrent invocations never mix", async () => {
    const { options, tracer, taken } = set()
    const one = (index: number) =>
      invoke({ ...options, id: String(index) }, async () => {
        for (let step = 0; step < 5; step++) await tracer.startActiveSpan(`${index}`, () => sleep(Math.random() * 3))
      })
    await Promise.all(Array.from({ length: 50 }, (_, index) => one(index)))
    expect(taken).toHaveLength(50)
    for (const spans of taken) {
      expect(spans).toHaveLength(6)
      expect(new Set(spans.map((span) => span.traceId)).size).toBe(1)
      expect(new Set(spans.slice(0, 5).map((span) => span.operationName)).size).toBe(1)
    }
  })

  test("refuses spans past the limit but always keeps the root, and counts", async () => {
    const double = testTracer({ limits: { spans: 3 } })
    const taken: SpanRecord[] = []
    invoke({ ...set().options, tracer: double.tracer, settle: (take) => void taken.push(...take()) as undefined }, () => {
      for (let count = 0; count < 10; count++) double.tracer.startSpan(`child ${count}`).finish()
    })
    expect(taken.map((span) => span.operationName)).toEqual(["child 0", "child 1", "woken"])
  })
})
