import { describe, expect, it } from "vitest"
import type { LogRecord, TagValue } from "../../src/core/contracts.ts"
import { encodeTraces } from "../../src/otlp/encode.ts"
import type { ExportTraceServiceRequest, OtlpSpan } from "../../src/otlp/types.ts"
import { record, START_US, spanId, TRACE_ID } from "./_records.ts"

const SCOPE = { name: "antifreeze", version: "0.1.0" }
type Fields = Readonly<Record<string, TagValue>>

describe("the bytes", () => {
  it("writes the smallest span", () => {
    expect(encodeTraces([record({ spanId: spanId(1) })], new Map([["service.name", "orders"]]), SCOPE)).toBe(
      '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}}]},"scopeSpans":[' +
        '{"scope":{"name":"antifreeze","version":"0.1.0"},"spans":[' +
        `{"traceId":"${TRACE_ID}","spanId":"0000000000000001","flags":257,"name":"work","kind":1,` +
        '"startTimeUnixNano":"1767323045678000000","endTimeUnixNano":"1767323045679000000"}' +
        '],"schemaUrl":"https://opentelemetry.io/schemas/1.44.0"}],"schemaUrl":"https://opentelemetry.io/schemas/1.44.0"}]}',
    )
  })

  it("writes every field", () => {
    const link = {
      traceId: TRACE_ID,
      spanId: spanId(9),
      traceFlags: 1,
      traceState: "a=b",
      tags: new Map([["opentracing.ref_type", "follows_from"]]),
    }
    const span = record({
      spanId: spanId(1),
      parentSpanId: spanId(2),
      parentIsRemote: true,
      traceFlags: 3,
      traceState: "vendor=1",
      operationName: "GET",
      startUs: START_US + 0.25,
      durationUs: 12.5,
      tags: new Map<string, TagValue>([
        ["span.kind", "client"],
        ["http.response.status_code", 200],
        ["ratio", 0.5],
        ["retried", false],
        ["names", ["a", "b"]],
        ["none", []],
      ]),
      logs: [
        {
          timeUs: START_US + 1,
          fields: new Map([
            ["event", "cache miss"],
            ["key", "k"],
          ]),
        },
      ],
      links: [link],
      dropped: { tags: 1, logs: 2, links: 3 },
    })
    const text = encodeTraces([span], new Map(), SCOPE)
    expect(text.slice(text.indexOf('"spans":[') + 9, text.indexOf('],"schemaUrl"'))).toBe(
      `{"traceId":"${TRACE_ID}","spanId":"0000000000000001","traceState":"vendor=1","flags":771,"parentSpanId":"0000000000000002",` +
        '"name":"GET","kind":3,"startTimeUnixNano":"1767323045678000250","endTimeUnixNano":"1767323045678012750","attributes":[' +
        '{"key":"http.response.status_code","value":{"intValue":"200"}},{"key":"ratio","value":{"doubleValue":0.5}},' +
        '{"key":"retried","value":{"boolValue":false}},' +
        '{"key":"names","value":{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}},' +
        '{"key":"none","value":{"arrayValue":{"values":[]}}}],"droppedAttributesCount":1,' +
        '"events":[{"timeUnixNano":"1767323045678001000","name":"cache miss","attributes":[{"key":"key","value":{"stringValue":"k"}}]}],' +
        '"droppedEventsCount":2,' +
        `"links":[{"traceId":"${TRACE_ID}","spanId":"0000000000000009","traceState":"a=b","flags":1,` +
        '"attributes":[{"key":"opentracing.ref_type","value":{"stringValue":"follows_from"}}]}],"droppedLinksCount":3}',
    )
  })

  it("writes no envelope around nothing", () => {
    expect(encodeTraces([], new Map([["service.name", "orders"]]), SCOPE)).toBe('{"resourceSpans":[]}')
  })
})

describe("values", () => {
  it.each([
    [1, { intValue: "1" }],
    [-0, { intValue: "0" }],
    [Number.MAX_SAFE_INTEGER, { intValue: "9007199254740991" }],
    [2 ** 53, { doubleValue: 2 ** 53 }],
    [1e300, { doubleValue: 1e300 }],
    [Number.NaN, { doubleValue: "NaN" }],
    [Number.POSITIVE_INFINITY, { doubleValue: "Infinity" }],
    [Number.NEGATIVE_INFINITY, { doubleValue: "-Infinity" }],
    ["", { stringValue: "" }],
    ['say "hi" \\ \n \u2028 ü 日 🧊', { stringValue: 'say "hi" \\ \n \u2028 ü 日 🧊' }],
    ["lone \ud83d and \udc00", { stringValue: "lone \ufffd and \ufffd" }],
    [[1, 2], { arrayValue: { values: [{ intValue: "1" }, { intValue: "2" }] } }],
    [[1, 2.5], { arrayValue: { values: [{ doubleValue: 1 }, { doubleValue: 2.5 }] } }],
    [[true], { arrayValue: { values: [{ boolValue: true }] } }],
  ] as [TagValue, object][])("writes %j", (value, expected) => {
    expect(attributesOf(span({ key: value }))).toEqual({ key: expected })
  })

  it("survives what the types rule out", () => {
    for (const value of [null, undefined, 1n, Symbol("s"), {}, () => 1, [null, 1n]]) {
      expect(() => span({ key: value as unknown as TagValue })).not.toThrow()
    }
  })

  it("escapes keys and names, too", () => {
    expect(span({ '"\ud800': 1 }, { operationName: '"\n\udfff' }).name).toBe('"\n\ufffd')
  })
})

describe("times", () => {
  it.each([
    [0, "0"],
    [0.5, "500"],
    [0.9999, "1000"],
    [1, "1000"],
    [1_767_323_045_678_901, "1767323045678901000"],
    [1_767_323_045_678_901.25, "1767323045678901250"],
    [Number.NaN, "0"],
    [-1, "0"],
    [Number.POSITIVE_INFINITY, "0"],
    [1e21, "0"],
  ])("start %d is %s ns", (startUs, ns) => {
    expect(span({}, { startUs }).startTimeUnixNano).toBe(ns)
  })

  it("adds start and duration without rounding to a double's quarter microsecond", () => {
    expect(span({}, { startUs: START_US + 0.75, durationUs: 0.333 }).endTimeUnixNano).toBe("1767323045678001083")
  })

  it("never ends before the start", () => {
    expect(span({}, { durationUs: -5 }).endTimeUnixNano).toBe("1767323045678000000")
  })

  it("ends a running span where it started, and says so", () => {
    const running = span({}, { durationUs: undefined })
    expect(running.endTimeUnixNano).toBe(running.startTimeUnixNano)
    expect(attributesOf(running)).toEqual({ "antifreeze.unfinished": { boolValue: true } })
  })
})

it("never sends a key twice", () => {
  const tags = { "antifreeze.unfinished": true, "error.kind": "a", "error.type": "b" }
  expect(span(tags, { durationUs: undefined }).attributes?.map(({ key }) => key)).toEqual(
    Object.keys(tags).filter((key) => key !== "error.kind"),
  )
})

// https://opentelemetry.io/docs/specs/otel/compatibility/opentracing/
describe("OpenTracing to OpenTelemetry", () => {
  it.each([
    ["internal", 1],
    ["server", 2],
    ["client", 3],
    ["producer", 4],
    ["consumer", 5],
    ["constructor", 1],
    [7, 1],
  ])("span.kind %s is kind %d, and no attribute", (kind, expected) => {
    const { kind: sent, attributes } = span({ "span.kind": kind })
    expect({ sent, attributes }).toEqual({ sent: expected, attributes: undefined })
  })

  it.each([
    [true, { code: 2 }],
    ["true", { code: 2 }],
    ["it broke", { code: 2, message: "it broke" }],
    [false, { code: 1 }],
    ["false", { code: 1 }],
  ])("error %j is status %j, and no attribute", (error, status) => {
    const sent = span({ error })
    expect(sent).toMatchObject({ status })
    expect(sent.attributes).toBeUndefined()
  })

  it("leaves the status unset without an error tag", () => {
    expect(span({ "error.kind": "E" }).status).toBeUndefined()
  })

  it("takes the status message from the last error log", () => {
    const logs = [log({ event: "error", message: "first" }), log({ event: "error", message: "last" }), log({ message: "other" })]
    expect(span({ error: true }, { logs }).status).toEqual({ code: 2, message: "last" })
  })

  it("sends error.kind as error.type, unless that is set", () => {
    expect(attributesOf(span({ "error.kind": "ECONNRESET" }))).toEqual({ "error.type": { stringValue: "ECONNRESET" } })
    expect(attributesOf(span({ "error.type": "500", "error.kind": "ECONNRESET" }))).toEqual({
      "error.type": { stringValue: "500" },
    })
  })

  it("makes an exception event of an error log, completed by the tags", () => {
    const sent = span(
      { error: true, "error.kind": "TypeError", "error.message": "no", "error.stack": "TypeError: no\n  at x" },
      { logs: [log({ event: "error", message: "no", "error.kind": "TypeError", attempt: 2 })] },
    )
    expect(sent.status).toEqual({ code: 2, message: "no" })
    expect(attributesOf(sent)).toEqual({ "error.type": { stringValue: "TypeError" } })
    expect(sent.events?.map((event) => [event.name, plain(event)])).toEqual([
      [
        "exception",
        {
          "exception.type": "TypeError",
          "exception.message": "no",
          "exception.stacktrace": "TypeError: no\n  at x",
          attempt: "2",
        },
      ],
    ])
  })

  it("makes an exception event at the end when only tags know the stack", () => {
    const sent = span({ error: true, "error.message": "no", stack: "at x" })
    expect(sent.events).toHaveLength(1)
    expect(sent.events?.[0]).toMatchObject({ name: "exception", timeUnixNano: sent.endTimeUnixNano })
    expect(plain(sent.events![0]!)).toEqual({ "exception.message": "no", "exception.stacktrace": "at x" })
  })

  it("makes no event of an error that has only a message", () => {
    const sent = span({ error: true, "error.message": "502" })
    expect(sent).toMatchObject({ status: { code: 2, message: "502" } })
    expect(sent.events).toBeUndefined()
  })

  it("leaves the tag stack alone on a span that did not fail", () => {
    expect(attributesOf(span({ stack: "prod" }))).toEqual({ stack: { stringValue: "prod" } })
  })

  it("names an event after its field event, else log", () => {
    const logs = [log({ event: "retry", attempt: 1 }), log({ message: "hello" }), log({ event: "" }), log({ event: 5 })]
    expect(span({}, { logs }).events?.map((event) => [event.name, plain(event)])).toEqual([
      ["retry", { attempt: "1" }],
      ["log", { message: "hello" }],
      ["log", {}],
      ["5", {}],
    ])
  })

  it("sends OpenTracing's other tags as they are", () => {
    expect(attributesOf(span({ component: "x", "sampling.priority": 1 }))).toEqual({
      component: { stringValue: "x" },
      "sampling.priority": { intValue: "1" },
    })
  })
})

function span(tags: Fields, more: Parameters<typeof record>[0] | object = {}): OtlpSpan {
  const text = encodeTraces([record({ spanId: spanId(1), tags: new Map(Object.entries(tags)), ...more })], new Map(), SCOPE)
  return (JSON.parse(text) as ExportTraceServiceRequest).resourceSpans![0]!.scopeSpans![0]!.spans![0]!
}

function log(fields: Fields): LogRecord {
  return { timeUs: START_US, fields: new Map(Object.entries(fields)) }
}

function attributesOf({ attributes = [] }: Pick<OtlpSpan, "attributes">): object {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value]))
}

function plain({ attributes = [] }: Pick<OtlpSpan, "attributes">): object {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]))
}
