import { describe, expect, test } from "vitest"
import type { Integration, Trace } from "../../src/core/contracts.ts"
import { traceFor } from "../../src/core/trace.ts"
import { testTracer } from "../_double.ts"

const integration: Integration<string, number> = {
  name: "library",
  watch: () => () => {},
  describe: (call) => {
    if (call === "broken") throw new Error("describe is broken")
    return { operationName: call, kind: "client", tags: { call } }
  },
  tagsOf: (result) => {
    if (result === 666) throw new Error("tagsOf is broken")
    return { result }
  },
}

function set(): ReturnType<typeof testTracer> & { trace: Trace<string, number> } {
  const double = testTracer()
  return { ...double, trace: traceFor(double.tracer.scopeManager, integration, double.tracer.report) }
}

describe("trace", () => {
  test("runs straight through where no span is active", async () => {
    const { tracer, exporter, trace } = set()
    const value = trace("call", (operation) => {
      operation.defer()(new Error("ignored"))
      return operation.headers
    })
    await tracer.flush()
    expect(value).toEqual({})
    expect(exporter.spans).toEqual([])
  })

  test("covers a call that returns, and tags what it gave", async () => {
    const { tracer, exporter, trace } = set()
    tracer.startActiveSpan("root", () => expect(trace("call", () => 5)).toBe(5))
    await tracer.flush()
    expect(Object.fromEntries(exporter.spans[0]?.tags ?? [])).toEqual({ "span.kind": "client", call: "call", result: 5 })
    expect(exporter.spans[0]?.parentSpanId).toBe(exporter.spans[1]?.spanId)
  })

  test("makes the child active within the call, and gives the headers that lead to it", () => {
    const { tracer, trace } = set()
    tracer.startActiveSpan("root", () => {
      trace("call", (operation) => {
        expect(tracer.activeSpan?.operationName).toBe("call")
        expect(operation.headers["traceparent"]).toContain(tracer.activeSpan?.spanId)
        return 1
      })
    })
  })

  test("throws the very error that the call threw", async () => {
    const { tracer, exporter, trace } = set()
    const error = new Error("no")
    tracer.startActiveSpan("root", () => {
      expect(() =>
        trace("call", () => {
          throw error
        }),
      ).toThrow(error)
    })
    await tracer.flush()
    expect(exporter.spans[0]?.tags.get("error")).toBe(true)
    expect(exporter.spans[1]?.tags.get("error")).toBeUndefined()
  })

  test("ends with the promise, and never runs a lazy thenable", async () => {
    const { tracer, exporter, trace } = set()
    let runs = 0
    // biome-ignore lint/suspicious/noThenProperty: a lazy thenable, as knex and mongoose have.
    const lazy = { then: () => runs++ }
    await tracer.startActiveSpan("root", async () => {
      expect(trace("lazy", () => lazy)).toBe(lazy)
      await expect(trace("call", () => Promise.reject(new Error("no")))).rejects.toThrow("no")
    })
    await tracer.flush()
    expect(runs).toBe(0)
    expect(exporter.spans.map((span) => [span.operationName, span.tags.get("error")])).toEqual([
      ["lazy", undefined],
      ["call", true],
      ["root", undefined],
    ])
  })

  test("a promise that carries more keeps its identity", () => {
    const { tracer, trace } = set()
    const rich = Object.assign(Promise.resolve(1), { cancel() {} })
    tracer.startActiveSpan("root", () => expect(trace("call", () => rich)).toBe(rich))
  })

  test("a deferred operation ends when its callback is called, the first time", async () => {
    const { tracer, exporter, clock, trace } = set()
    tracer.startActiveSpan("root", { finishOnClose: false }, () => {
      const end = trace("call", (operation) => operation.defer())
      clock.advance(7)
      end(undefined, 1)
      clock.advance(7)
      end(new Error("late"))
    })
    await tracer.flush()
    expect(exporter.spans[0]?.durationUs).toBe(7_000)
    expect(exporter.spans[0]?.tags.get("error")).toBeUndefined()
  })

  test("a mistake in describe or tagsOf tags the span and breaks nothing", async () => {
    const { tracer, exporter, trace, lines } = set()
    tracer.startActiveSpan("root", () => {
      expect(trace("broken", () => 1)).toBe(1)
      expect(trace("call", () => 666)).toBe(666)
    })
    await tracer.flush()
    expect(exporter.spans.slice(0, 2).map((span) => span.tags.get("instrumentation_error"))).toEqual([true, true])
    expect(lines).toHaveLength(1)
  })
})
