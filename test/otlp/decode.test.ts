import { describe, expect, it } from "vitest"
import type { TagValue } from "../../src/core/contracts.ts"
import { DecodeError, decodeTraces } from "../../src/otlp/decode.ts"
import { encodeTraces } from "../../src/otlp/encode.ts"
import type { ReceivedSpan } from "../../src/otlp/types.ts"
import { record, START_US, spanId, TRACE_ID } from "./_records.ts"

describe("a round trip", () => {
  it("returns what was encoded, in OpenTelemetry's words", () => {
    const linked = {
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
      operationName: "GET \u0000\u2028🧊",
      startUs: START_US + 0.25,
      durationUs: 12.75,
      tags: new Map<string, TagValue>([
        ["span.kind", "client"],
        ["error", true],
        ["error.kind", "TypeError"],
        ["error.message", "no"],
        ["__proto__", "polluted"],
        ["constructor", 1],
        ["nan", Number.NaN],
        ["huge", 2 ** 60],
        ["list", [1, 2.5]],
        ["empty", []],
      ]),
      logs: [
        {
          timeUs: START_US + 1.5,
          fields: new Map<string, TagValue>([
            ["event", "retry"],
            ["attempt", 2],
          ]),
        },
      ],
      links: [linked],
      dropped: { tags: 1, logs: 2, links: 3 },
    })
    const [back] = decodeTraces(encodeTraces([span], new Map([["service.name", "orders"]]), { name: "antifreeze", version: "1" }))
    expect(back).toEqual({
      traceId: TRACE_ID,
      spanId: spanId(1),
      parentSpanId: spanId(2),
      parentIsRemote: true,
      traceFlags: 3,
      traceState: "vendor=1",
      name: "GET \u0000\u2028🧊",
      kind: "client",
      startUs: START_US + 0.25,
      endUs: START_US + 13,
      durationUs: 12.75,
      status: { code: "error", message: "no" },
      attributes: bare({
        ["__proto__"]: "polluted",
        constructor: 1,
        nan: Number.NaN,
        huge: 2 ** 60,
        list: [1, 2.5],
        empty: [],
        "error.type": "TypeError",
      }),
      events: [{ timeUs: START_US + 1.5, name: "retry", attributes: bare({ attempt: 2 }) }],
      links: [
        {
          traceId: TRACE_ID,
          spanId: spanId(9),
          traceFlags: 1,
          traceState: "a=b",
          attributes: bare({ "opentracing.ref_type": "follows_from" }),
        },
      ],
      dropped: { attributes: 1, events: 2, links: 3 },
      resource: bare({ "service.name": "orders" }),
      scope: { name: "antifreeze", version: "1", attributes: bare({}), schemaUrl: "https://opentelemetry.io/schemas/1.44.0" },
    })
  })

  it("keeps a duration exact that the two times in doubles would blur", () => {
    const [span] = decodeTraces(encodeTraces([record({ spanId: spanId(1), durationUs: 0.333 })], new Map(), { name: "", version: "" }))
    expect(span?.durationUs).toBe(0.333)
  })
})

describe("what the specification allows", () => {
  it("takes the example of opentelemetry-proto: ids in upper case, no flags, no version of anything", () => {
    const span = one({
      traceId: "5B8EFFF798038103D269B633813FC60C",
      spanId: "EEE19B7EC3C1B174",
      parentSpanId: "EEE19B7EC3C1B173",
      name: "I'm a server span",
      kind: 2,
    })
    expect(span).toMatchObject({
      traceId: TRACE_ID,
      spanId: "eee19b7ec3c1b174",
      parentSpanId: "eee19b7ec3c1b173",
      parentIsRemote: undefined,
      kind: "server",
    })
  })

  it("ignores unknown fields, also in snake case, and takes null for the default", () => {
    const span = one({
      trace_id: 5,
      future: { deep: [[[]]] },
      name: null,
      events: null,
      status: null,
      attributes: null,
      kind: null,
      parentSpanId: null,
    })
    expect(span).toMatchObject({
      name: "",
      events: [],
      status: { code: "unset", message: "" },
      kind: "internal",
      parentSpanId: undefined,
    })
  })

  it("takes 64-bit integers as strings and as numbers", () => {
    expect(one({ startTimeUnixNano: 1500, endTimeUnixNano: "2750" })).toMatchObject({
      startUs: 1.5,
      endUs: 2.75,
      durationUs: 1.25,
    })
  })

  it("counts unknown enum values as unspecified", () => {
    expect(one({ kind: 99, status: { code: -1 } })).toMatchObject({ kind: "internal", status: { code: "unset" } })
  })

  it("takes an empty or all-zero parent for none", () => {
    expect(one({ parentSpanId: "" }).parentSpanId).toBeUndefined()
    expect(one({ parentSpanId: "0000000000000000" }).parentSpanId).toBeUndefined()
  })

  it.each(["{}", '{"resourceSpans":null}', '{"resourceSpans":[{}]}', '{"resourceSpans":[{"scopeSpans":[{"spans":[]}]}]}'])(
    "finds no spans in %s",
    (body) => {
      expect(decodeTraces(body)).toEqual([])
    },
  )

  it.each([
    [{}, null],
    [{ stringValue: "\ud800" }, "\ud800"],
    [{ intValue: "9007199254740993" }, 9007199254740993n],
    [{ intValue: "-9223372036854775808" }, -(2n ** 63n)],
    [{ intValue: 7 }, 7],
    [{ doubleValue: "NaN" }, Number.NaN],
    [{ doubleValue: "-Infinity" }, Number.NEGATIVE_INFINITY],
    [{ doubleValue: "1.5e3" }, 1500],
    [{ bytesValue: "AP8=" }, new Uint8Array([0, 255])],
    [{ bytesValue: "_-8" }, new Uint8Array([255, 239])],
    [{ arrayValue: {} }, []],
    [{ arrayValue: { values: [{ stringValue: "a" }, {}] } }, ["a", null]],
    [{ kvlistValue: { values: [{ key: "__proto__", value: { intValue: 1 } }] } }, bare({ ["__proto__"]: 1 })],
    [{ stringValueStrindex: 4 }, null],
  ])("reads the value %j", (value, expected) => {
    expect(one({ attributes: [{ key: "k", value }] }).attributes["k"]).toEqual(expected)
  })

  it("never lets a key reach a prototype", () => {
    const span = one({
      attributes: [{ key: "__proto__", value: { kvlistValue: { values: [{ key: "polluted", value: { boolValue: true } }] } } }],
    })
    expect(Object.getPrototypeOf(span.attributes)).toBeNull()
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    decodeTraces('{"__proto__":{"resourceSpans":5},"resourceSpans":[]}')
  })
})

describe("what it refuses", () => {
  const at = "resourceSpans[0].scopeSpans[0].spans[0]."
  it.each([
    [{ traceId: "5b8e" }, `${at}traceId: 32 hex digits expected, got "5b8e"`],
    [{ traceId: "x".repeat(32) }, `${at}traceId: 32 hex digits expected, got "${"x".repeat(32)}"`],
    [{ traceId: "0".repeat(32) }, `${at}traceId: 32 hex digits expected, not all zero`],
    [{ spanId: undefined }, `${at}spanId: 16 hex digits expected, not all zero`],
    [{ spanId: 5 }, `${at}spanId: 16 hex digits expected, got 5`],
    [{ parentSpanId: "1" }, `${at}parentSpanId: 16 hex digits expected, got "1"`],
    [{ name: {} }, `${at}name: a string expected, got an object`],
    [{ kind: "SPAN_KIND_SERVER" }, `${at}kind: an integer expected, got "SPAN_KIND_SERVER"`],
    [{ kind: 1.5 }, `${at}kind: an integer expected, got 1.5`],
    [{ flags: -1 }, `${at}flags: an integer from 0 to 2^32-1 expected, got -1`],
    [{ startTimeUnixNano: "1e9" }, `${at}startTimeUnixNano: nanoseconds as a string of digits expected, got "1e9"`],
    [
      { endTimeUnixNano: "18446744073709551616" },
      `${at}endTimeUnixNano: nanoseconds as a string of digits expected, got "18446744073709551616"`,
    ],
    [{ endTimeUnixNano: -1 }, `${at}endTimeUnixNano: nanoseconds as a string of digits expected, got -1`],
    [{ attributes: {} }, `${at}attributes: an array expected, got an object`],
    [{ attributes: [null] }, `${at}attributes[0]: an object expected, got null`],
    [{ attributes: [{ key: "a" }, { key: 1 }] }, `${at}attributes[1].key: a string expected, got 1`],
    [{ attributes: [{ key: "a", value: "text" }] }, `${at}attributes[0].value: an object expected, got "text"`],
    [
      { attributes: [{ key: "a", value: { boolValue: "true" } }] },
      `${at}attributes[0].value.boolValue: true or false expected, got "true"`,
    ],
    [
      { attributes: [{ key: "a", value: { intValue: "9223372036854775808" } }] },
      `${at}attributes[0].value.intValue: a 64-bit integer expected, got "9223372036854775808"`,
    ],
    [{ attributes: [{ key: "a", value: { doubleValue: "1,5" } }] }, `${at}attributes[0].value.doubleValue: a number expected, got "1,5"`],
    [{ attributes: [{ key: "a", value: { bytesValue: "?" } }] }, `${at}attributes[0].value.bytesValue: base64 expected, got "?"`],
    [
      { attributes: [{ key: "a", value: { intValue: 1, boolValue: true } }] },
      `${at}attributes[0].value: one value expected, got boolValue and intValue`,
    ],
    [
      {
        attributes: [{ key: "a", value: { arrayValue: { values: [{}, { kvlistValue: { values: [{ key: "b", value: 1 }] } }] } } }],
      },
      `${at}attributes[0].value.arrayValue.values[1].kvlistValue.values[0].value: an object expected, got 1`,
    ],
    [{ events: [{ timeUnixNano: [] }] }, `${at}events[0].timeUnixNano: nanoseconds as a string of digits expected, got an array`],
    [{ links: [{ traceId: TRACE_ID }] }, `${at}links[0].spanId: 16 hex digits expected, not all zero`],
    [{ status: [] }, `${at}status: an object expected, got an array`],
    [{ droppedLinksCount: 2 ** 32 }, `${at}droppedLinksCount: an integer from 0 to 2^32-1 expected, got 4294967296`],
  ])("%j", (fields, message) => {
    expect(() => one(fields)).toThrow(new DecodeError(message.split(": ", 1)[0]!, message.slice(message.indexOf(": ") + 2)))
  })

  it.each([
    ["nothing", "", /^body: not JSON/],
    ["an array", "[]", /^body: an object expected, got an array$/],
    ["null", "null", /^body: an object expected, got null$/],
    ["a wrong list", '{"resourceSpans":5}', /^resourceSpans: an array expected, got 5$/],
    ["a wrong resource", '{"resourceSpans":[{"resource":5}]}', /^resourceSpans\[0\]\.resource: an object expected, got 5$/],
    ["200,000 levels", "[".repeat(200_000), /^body: nested more than 128 levels deep$/],
    ["200 levels in an unknown field", `{"future":${"[".repeat(200)}${"]".repeat(200)}}`, /^body: nested more than 128 levels deep$/],
    ["a million empty objects", `{"resourceSpans":[${"{},".repeat(1_000_000)}{}]}`, /^body: more than 1000000 objects and arrays$/],
    ["levels hidden behind closing brackets", "]".repeat(100) + "[".repeat(200), /^body: not JSON/],
  ])("%s", (_what, body, message) => {
    expect(() => decodeTraces(body)).toThrow(message)
  })

  it("what is not UTF-8", () => {
    expect(() => decodeTraces(new Uint8Array([0x7b, 0xff, 0x7d]))).toThrow("body: not UTF-8")
  })

  it("does not count brackets within strings", () => {
    expect(one({ name: `${"[{".repeat(600_000)}\\" [` }).name).toHaveLength(1_200_004)
  })
})

function one(fields: object): ReceivedSpan {
  const span = { traceId: TRACE_ID, spanId: spanId(1), ...fields }
  return decodeTraces(new TextEncoder().encode(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })))[0]!
}

/** The decoder's records have no prototype. */
function bare(fields: object): object {
  return Object.assign(Object.create(null), Object.fromEntries(Object.entries(fields)))
}
