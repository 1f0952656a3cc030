import { describe, expect, it } from "vitest"
import type { Propagated, Propagator } from "../../../src/core/contracts.ts"
import { b3MultiPropagator, b3Propagator } from "../../../src/core/propagation/b3.ts"
import { extractContext, injectContext } from "../../../src/core/propagation/carrier.ts"
import { jaegerPropagator } from "../../../src/core/propagation/jaeger.ts"
import { traceContextPropagator } from "../../../src/core/propagation/w3c.ts"
import { fromTraceHeader, parseTraceHeader, rewriteTraceHeader, xrayPropagator } from "../../../src/core/propagation/xray.ts"
import { createReport } from "../../../src/core/report.ts"
import { readConfig } from "../../../src/platforms/node/config.ts"

const context: Propagated = {
  traceId: "463ac35c9f6413ad48485a3953bb6124",
  spanId: "0020000000000001",
  traceFlags: 1,
  traceState: "",
  baggage: new Map([["user", "jürgen"]]),
}
const injected = (propagator: Propagator, from = context) => {
  const carrier: Record<string, string> = {}
  injectContext([propagator], from, carrier)
  return carrier
}
const extracted = (propagator: Propagator, carrier: object) => extractContext([propagator], carrier, undefined, () => 7)
const ids = { traceId: context.traceId, spanId: context.spanId }
const single = `${context.traceId}-${context.spanId}`

describe("B3", () => {
  it("writes one header, or one for each part", () => {
    expect(injected(b3Propagator)).toEqual({ b3: `${single}-1` })
    expect(injected(b3MultiPropagator, { ...context, traceFlags: 0 })).toEqual({
      "X-B3-TraceId": context.traceId,
      "X-B3-SpanId": context.spanId,
      "X-B3-Sampled": "0",
    })
  })
  it.each([
    ["sampled", { b3: `${single}-1` }, 1],
    ["denied", { b3: `${single}-0` }, 0],
    ["debug", { b3: `${single}-d-05e3ac9a4f6e3b90` }, 1],
    ["deferred to us", { b3: single }, 7],
    [
      "in any letter case, in two forms: the single one wins",
      { B3: `${single}-1`, "x-b3-traceid": "f".repeat(32), "x-b3-spanid": "f".repeat(16) },
      1,
    ],
    ["multi", { "X-B3-TraceId": context.traceId, "X-B3-SpanId": context.spanId, "X-B3-Sampled": "1" }, 1],
    ["multi, words of old", { "x-b3-traceid": context.traceId, "x-b3-spanid": context.spanId, "x-b3-sampled": "false" }, 0],
    ["multi, debug", { "x-b3-traceid": context.traceId, "x-b3-spanid": context.spanId, "x-b3-flags": "1" }, 1],
    ["multi, deferred", { "x-b3-traceid": context.traceId, "x-b3-spanid": context.spanId }, 7],
  ])("reads what is %s", (_, carrier, traceFlags) => {
    for (const propagator of [b3Propagator, b3MultiPropagator]) expect(extracted(propagator, carrier)).toMatchObject({ ...ids, traceFlags })
  })
  it("fills up a trace id of 64 bits", () => {
    expect(extracted(b3Propagator, { b3: `48485a3953bb6124-${context.spanId}-1` })).toMatchObject({
      traceId: "000000000000000048485a3953bb6124",
    })
  })
  it.each([
    "",
    "0",
    "-",
    `${"0".repeat(32)}-${context.spanId}-1`,
    `${context.traceId}-${"0".repeat(16)}-1`,
    `xyz-${context.spanId}`,
    `${single}x`,
    "a".repeat(10_000),
  ])("finds nothing in %j", (b3) => {
    expect(extracted(b3Propagator, { b3 })).toBeUndefined()
  })
})

describe("Jaeger", () => {
  it("writes its header and its baggage", () => {
    expect(injected(jaegerPropagator)).toEqual({
      "uber-trace-id": `${context.traceId}:${context.spanId}:0:1`,
      "uberctx-user": "j%C3%BCrgen",
    })
  })
  it.each([
    ["all digits", `${context.traceId}:${context.spanId}:0:1`, 1],
    ["no leading zeros", "463ac35c9f6413ad48485a3953bb6124:20000000000001:0:0", 0],
    ["encoded colons, debug", `${context.traceId}%3A${context.spanId}%3A0%3A3`, 1],
  ])("reads %s", (_, header, traceFlags) => {
    expect(extracted(jaegerPropagator, { "Uber-Trace-Id": header })).toMatchObject({ ...ids, traceFlags })
  })
  it("reads baggage by its prefix", () => {
    const carrier = { "uber-trace-id": "1:2:0:1", "Uberctx-User": "j%C3%BCrgen", "uberctx-x": "%", other: "1" }
    expect(Object.fromEntries(extracted(jaegerPropagator, carrier)?.baggage ?? [])).toEqual({ user: "jürgen", x: "%" })
  })
  it.each(["", "1:2", "0:0:0:0", "1:2:3:4:5", `${"1".repeat(33)}:1:0:1`, "%"])("finds nothing in %j", (header) => {
    expect(extracted(jaegerPropagator, { "uber-trace-id": header })).toBeUndefined()
  })
})

describe("X-Ray", () => {
  const header = "Root=1-463ac35c-9f6413ad48485a3953bb6124;Parent=0020000000000001"
  it("holds all of a W3C trace", () => {
    expect(injected(xrayPropagator)).toEqual({ "X-Amzn-Trace-Id": `${header};Sampled=1` })
    expect(extracted(xrayPropagator, injected(xrayPropagator))).toMatchObject(ids)
  })
  it.each(["1", "0", "?", "x"])("never reads Sampled=%s: it is about X-Ray", (sampled) => {
    expect(extracted(xrayPropagator, { "x-amzn-trace-id": `Self=1-1-1; ${header};Sampled=${sampled}` })).toMatchObject({
      ...ids,
      traceFlags: 7,
    })
  })
  it.each([
    undefined,
    null,
    7,
    "",
    "Root=",
    "Root=1-zzzzzzzz-9f6413ad48485a3953bb6124",
    `Root=1-${"0".repeat(8)}-${"0".repeat(24)};Parent=1`,
    "x".repeat(2000),
  ])("finds no root in %j", (value) => {
    expect(parseTraceHeader(value)).toBeUndefined()
    expect(fromTraceHeader(value)).toBeUndefined()
  })
  it("is no caller without a parent: a load balancer's, API Gateway's", () => {
    expect(parseTraceHeader("Root=1-463ac35c-9f6413ad48485a3953bb6124")).toMatchObject({ traceId: context.traceId, spanId: undefined })
    expect(fromTraceHeader("Root=1-463ac35c-9f6413ad48485a3953bb6124")).toBeUndefined()
  })
  it.each([
    ["none", undefined, header],
    [
      "one that X-Ray records",
      "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1",
      "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1",
    ],
    [
      "one that it does not",
      "Self=1-2-3;Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=a:1|b:2",
      `${header};Sampled=0;Lineage=a:1|b:2`,
    ],
    ["one without a decision", "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=a:1", `${header};Lineage=a:1`],
  ])("rewrites %s", (_, existing, expected) => {
    expect(rewriteTraceHeader(existing, context)).toBe(expected)
  })
})

describe("OTEL_PROPAGATORS", () => {
  const read = (value: string) => {
    const lines: string[] = []
    const { propagators } = readConfig(
      { OTEL_PROPAGATORS: value },
      createReport((line) => lines.push(line)),
    )
    return { propagators, lines }
  }
  it.each(["b3", "b3multi", "jaeger", "xray", "tracecontext", "baggage"])("knows %s", (name) => {
    expect(read(name)).toMatchObject({ propagators: [{ name }], lines: [] })
  })
  it("keeps the order, and the first that finds a trace wins, whole", () => {
    const carrier = {
      b3: `${"a".repeat(32)}-${"b".repeat(16)}`,
      traceparent: `00-${context.traceId}-${context.spanId}-01`,
      tracestate: "a=1",
    }
    const first = extractContext(read("b3, tracecontext").propagators, carrier)
    expect(first).toMatchObject({ traceId: "a".repeat(32), traceState: "", traceFlags: 0 })
    expect(extractContext(read("tracecontext,b3").propagators, carrier)).toMatchObject({ ...ids, traceState: "a=1" })
  })
  it("writes all of them", () => {
    const carrier = {}
    injectContext(read("tracecontext,b3,b3multi,jaeger,xray").propagators, context, carrier)
    expect(Object.keys(carrier)).toHaveLength(8)
    expect(extractContext([traceContextPropagator], carrier)).toMatchObject(ids)
  })
  it("names a wrong one in a line, and works with the rest", () => {
    const { propagators, lines } = read("b3,ottrace")
    expect(propagators).toEqual([b3Propagator])
    expect(lines).toEqual([expect.stringContaining("OTEL_PROPAGATORS=ottrace is ignored")])
  })
})
