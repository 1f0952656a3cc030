import { describe, expect, test } from "vitest"
import { testTracer } from "../_double.ts"

describe("Span", () => {
  test("knows its duration while it runs and after it has finished", () => {
    const { tracer, clock } = testTracer()
    const span = tracer.startSpan("a")
    clock.advance(12.5)
    expect(span.duration).toBe(12.5)
    span.finish()
    clock.advance(100)
    expect(span.duration).toBe(12.5)
  })

  test("takes explicit start and finish times in milliseconds", () => {
    const { tracer } = testTracer()
    const span = tracer.startSpan("a", { startTime: 1_700_000_000_000.25 })
    span.finish(1_700_000_000_002.5)
    expect([span.startUs, span.durationUs]).toEqual([1_700_000_000_000_250, 2_250])
  })

  test("never has a negative duration", () => {
    const { tracer } = testTracer()
    const span = tracer.startSpan("a")
    span.finish(5)
    expect(span.durationUs).toBe(0)
  })

  test("is erroneous once it failed, and says how", () => {
    const { tracer } = testTracer()
    const span = tracer.startSpan("a")
    expect(span.erroneous).toBe(false)
    span.fail(Object.assign(new TypeError("no"), { code: "E_NO" }))
    expect(span.erroneous).toBe(true)
    expect(span.getTag("error.kind")).toBe("E_NO")
    expect(span.getTag("error.message")).toBe("no")
    expect(span.logs[0]?.fields.get("event")).toBe("error")
    expect(String(span.logs[0]?.fields.get("stack"))).toContain("TypeError: no")
  })

  test("an error given as a tag or a log is taken apart", () => {
    const { tracer } = testTracer()
    const tagged = tracer.startSpan("a").setTag("error", new RangeError("far")) as ReturnType<typeof tracer.startSpan>
    expect([tagged.getTag("error"), tagged.getTag("error.kind")]).toEqual([true, "RangeError"])
    const logged = tracer.startSpan("b").log({ event: "error", "error.object": new RangeError("far") }) as ReturnType<
      typeof tracer.startSpan
    >
    expect(logged.logs[0]?.fields.get("message")).toBe("far")
  })

  test.each([
    ["null", null],
    ["a string", "text"],
    [
      "a throwing getter",
      Object.defineProperty({}, "message", {
        get: () => {
          throw new Error("trap")
        },
      }),
    ],
    ["a revoked proxy", revoked()],
    ["a symbol", Symbol("s")],
  ])("survives %s as an error", (_name, error) => {
    const { tracer } = testTracer()
    expect(tracer.startSpan("a").fail(error).erroneous).toBe(true)
  })

  test("no longer changes once it has finished", () => {
    const { tracer } = testTracer()
    const span = tracer.startSpan("a")
    span.finish()
    span.setTag("late", 1).log({ event: "late" }).setOperationName("late")
    expect([span.getTag("late"), span.logs.length, span.operationName]).toEqual([undefined, 0, "a"])
  })

  test("bounds tags, logs, links and lengths, and counts what it left out", () => {
    const { tracer } = testTracer({ limits: { tags: 2, logs: 1, links: 1, valueLength: 5 } })
    const other = tracer.startSpan("other").context()
    const reference = { type: () => "follows_from", referencedContext: () => other }
    const span = tracer.startSpan("long-name", { references: [reference, reference, reference] as never })
    span.addTags({ a: "1234567", b: 2, c: 3 }).log({ event: "1234567" }).log({ event: "x" })
    expect(span.operationName).toBe("long-")
    expect([...span.tags]).toEqual([
      ["a", "12345"],
      ["b", 2],
    ])
    expect(span.logs[0]?.fields.get("event")).toBe("12345")
    expect(span.dropped).toEqual({ tags: 1, logs: 1, links: 1 })
  })

  test("holds values of every type, or leaves them out, and never pollutes a prototype", () => {
    const { tracer } = testTracer()
    const cyclic: Record<string, unknown> = {}
    cyclic["self"] = cyclic
    const span = tracer.startSpan("a")
    span.addTags({
      text: "a",
      number: 1.5,
      flag: false,
      big: 10n,
      none: null,
      missing: undefined,
      list: ["a", "b"],
      mixed: [1, "a"],
      object: { b: 1 },
      cyclic,
      fn: () => 1,
      date: new Date(0),
      ["__proto__x"]: 1,
    })
    span.addTags(JSON.parse('{"__proto__":{"polluted":true}}'))
    expect(Object.fromEntries(span.tags)).toEqual({
      text: "a",
      number: 1.5,
      flag: false,
      big: "10",
      list: ["a", "b"],
      mixed: '[1,"a"]',
      object: '{"b":1}',
      cyclic: "[unreadable]",
      date: '"1970-01-01T00:00:00.000Z"',
      ["__proto__x"]: 1,
      ["__proto__"]: '{"polluted":true}',
    })
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test("10,000 levels of nesting and a million items cost next to nothing", () => {
    const { tracer } = testTracer()
    let deep: unknown = {}
    for (let level = 0; level < 10_000; level++) deep = { deep }
    const span = tracer.startSpan("a").addTags({ deep, wide: Array.from({ length: 1_000_000 }, (_, i) => ({ i })) })
    expect(span).toBeDefined()
  })
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
