import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import { testTracer } from "../_double.ts"

describe("ScopeManager", () => {
  test("activate makes the span active until the scope is closed", () => {
    const { tracer } = testTracer()
    expect(tracer.scopeManager.active).toBeNull()
    const span = tracer.startSpan("a")
    const scope = tracer.scopeManager.activate(span)
    expect(tracer.activeSpan).toBe(span)
    scope.close()
    expect(tracer.activeSpan).toBeNull()
    expect(span.durationUs).toBeUndefined()
  })

  test("finishes the span on close when asked, once", () => {
    const { tracer, clock } = testTracer()
    const span = tracer.startSpan("a")
    const scope = tracer.scopeManager.activate(span, true)
    scope.close()
    clock.advance(5)
    scope.close()
    expect(span.durationUs).toBe(0)
  })

  test("closed out of order, the span that is still open stays active", () => {
    const { tracer } = testTracer()
    const outer = tracer.scopeManager.activate(tracer.startSpan("outer"))
    const inner = tracer.scopeManager.activate(tracer.startSpan("inner"))
    outer.close()
    expect(tracer.activeSpan).toBe(inner.span)
    inner.close()
    expect(tracer.activeSpan).toBeNull()
  })

  test("closed in another async context, it is over in both", async () => {
    const { tracer } = testTracer()
    const scope = tracer.scopeManager.activate(tracer.startSpan("a"))
    await Promise.all([
      sleep(1).then(() => scope.close()),
      (async () => {
        const inner = tracer.startSpan("inner")
        await tracer.scopeManager.run(inner, async () => {
          await sleep(5)
          expect(tracer.activeSpan).toBe(inner)
        })
      })(),
    ])
    expect(tracer.activeSpan).toBeNull()
  })

  test("a scope that another context left open does not leak out of run", () => {
    const { tracer } = testTracer()
    const outer = tracer.startSpan("outer")
    tracer.scopeManager.run(outer, () => {
      tracer.scopeManager.activate(tracer.startSpan("never closed"))
    })
    expect(tracer.activeSpan).toBeNull()
  })

  test("a hundred thousand scopes in one context leave nothing behind", () => {
    const { tracer } = testTracer()
    const span = tracer.startSpan("a")
    for (let count = 0; count < 100_000; count++) tracer.scopeManager.activate(span).close()
    expect(tracer.activeSpan).toBeNull()
  })
})

describe("startActiveSpan", () => {
  test("nests, finishes, and gives what the function gives", async () => {
    const { tracer, exporter } = testTracer()
    const value = await tracer.startActiveSpan("outer", async (outer) => {
      await sleep(1)
      return tracer.startActiveSpan("inner", { tags: { a: 1 } }, (inner) => {
        expect(inner.parentSpanId).toBe(outer.spanId)
        return 42
      })
    })
    await tracer.flush()
    expect(value).toBe(42)
    expect(exporter.spans.map((span) => span.operationName)).toEqual(["inner", "outer"])
  })

  test("tags what is thrown and throws the same", async () => {
    const { tracer, exporter } = testTracer()
    const error = new Error("no")
    expect(() =>
      tracer.startActiveSpan("sync", () => {
        throw error
      }),
    ).toThrow(error)
    await expect(tracer.startActiveSpan("async", () => Promise.reject(error))).rejects.toBe(error)
    await tracer.flush()
    expect(exporter.spans.map((span) => span.tags.get("error.message"))).toEqual(["no", "no"])
  })

  test("leaves the span open when asked", () => {
    const { tracer } = testTracer()
    const span = tracer.startActiveSpan("a", { finishOnClose: false }, (active) => active)
    expect(span.durationUs).toBeUndefined()
  })

  test("starts a new trace beside the active one when asked", () => {
    const { tracer } = testTracer()
    tracer.startActiveSpan("outer", (outer) => {
      expect(tracer.startSpan("other", { ignoreActiveSpan: true }).traceId).not.toBe(outer.traceId)
    })
  })

  test("two hundred concurrent flows never see each other's span", async () => {
    const { tracer } = testTracer()
    const flow = (index: number) =>
      tracer.startActiveSpan(`flow ${index}`, async (span) => {
        for (let step = 0; step < 5; step++) {
          await sleep(Math.random() * 3)
          expect(tracer.activeSpan).toBe(span)
        }
      })
    await Promise.all(Array.from({ length: 200 }, (_, index) => flow(index)))
  })
})
