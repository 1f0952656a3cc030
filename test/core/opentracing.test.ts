import { createRequire } from "node:module"
import { FORMAT_BINARY, FORMAT_HTTP_HEADERS, FORMAT_TEXT_MAP, followsFrom, Span, SpanContext, Tracer } from "opentracing"
import { describe, expect, test } from "vitest"
import { createTracer } from "../../src/index.ts"
import { testTracer } from "../_double.ts"

// OpenTracing's own conformance suite, as it ships in the package.
const { default: apiCompatibilityChecks } = createRequire(import.meta.url)("opentracing/lib/test/api_compatibility.js")
apiCompatibilityChecks(() => createTracer(), { skipBaggageChecks: false, skipInjectExtractChecks: false })

describe("OpenTracing", () => {
  test("extends the classes of the opentracing package", () => {
    const { tracer } = testTracer()
    const span = tracer.startSpan("a")
    expect(tracer).toBeInstanceOf(Tracer)
    expect(span).toBeInstanceOf(Span)
    expect(span.context()).toBeInstanceOf(SpanContext)
    expect(span.tracer()).toBe(tracer)
  })

  test("never mutates the caller's options", () => {
    const { tracer } = testTracer()
    const parent = tracer.startSpan("parent")
    const options = Object.freeze({ childOf: parent, tags: Object.freeze({ a: 1 }), references: Object.freeze([]) as never })
    const child = tracer.startSpan("child", options)
    expect(child.parentSpanId).toBe(parent.spanId)
    expect(options).toEqual({ childOf: parent, tags: { a: 1 }, references: [] })
  })

  test("takes the child_of reference as the parent, and the others as links", () => {
    const { tracer } = testTracer()
    const [a, b, c] = [tracer.startSpan("a"), tracer.startSpan("b"), tracer.startSpan("c")]
    const span = tracer.startSpan("d", { references: [followsFrom(a), followsFrom(b)] })
    expect(span.parentSpanId).toBe(a.spanId)
    expect(span.links.map((link) => link.spanId)).toEqual([b.spanId])
    const mixed = tracer.startSpan("e", { childOf: c, references: [followsFrom(a)] })
    expect(mixed.parentSpanId).toBe(c.spanId)
    expect(mixed.links.map((link) => link.spanId)).toEqual([a.spanId])
  })

  test.each([FORMAT_TEXT_MAP, FORMAT_HTTP_HEADERS, FORMAT_BINARY])("carries context and baggage through %s", (format) => {
    const { tracer } = testTracer()
    const span = tracer.startSpan("a").setBaggageItem("user", "Zoë, =;") as Span
    const carrier = {}
    tracer.inject(span, format, carrier)
    const found = tracer.extract(format, carrier)
    expect(found?.toTraceId()).toBe(span.context().toTraceId())
    expect(found?.toSpanId()).toBe(span.context().toSpanId())
    const child = tracer.startSpan("b", { childOf: found })
    expect(child.getBaggageItem("user")).toBe("Zoë, =;")
    expect(child.parentIsRemote).toBe(true)
  })

  test("a tracer of Node writes the binary format, with nothing but bytes in the carrier", () => {
    const tracer = createTracer()
    const carrier: { buffer?: unknown } = {}
    tracer.inject(tracer.startSpan("a"), FORMAT_BINARY, carrier)
    expect(Object.keys(carrier)).toEqual(["buffer"])
    expect(carrier.buffer).toBeInstanceOf(Uint8Array)
  })

  test("baggage reaches spans that start later, not those that started before", () => {
    const { tracer } = testTracer()
    const parent = tracer.startSpan("parent")
    const before = tracer.startSpan("before", { childOf: parent })
    parent.setBaggageItem("k", "v")
    expect(before.getBaggageItem("k")).toBeUndefined()
    expect(tracer.startSpan("after", { childOf: parent }).getBaggageItem("k")).toBe("v")
  })

  test("sampling.priority 0 stops what follows, and more starts it again", () => {
    const { tracer } = testTracer()
    const span = tracer.startSpan("a")
    span.setTag("sampling.priority", 0)
    expect(tracer.startSpan("b", { childOf: span }).context().sampled).toBe(false)
    span.setTag("sampling.priority", 1)
    expect(tracer.startSpan("c", { childOf: span }).context().sampled).toBe(true)
  })
})
