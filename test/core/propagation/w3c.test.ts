import { describe, expect, test } from "vitest"
import { formatBaggage, parseBaggage } from "../../../src/core/propagation/baggage.ts"
import { extractContext, injectContext } from "../../../src/core/propagation/carrier.ts"
import { normaliseTraceState } from "../../../src/core/propagation/tracestate.ts"
import { parseTraceparent, w3cPropagators } from "../../../src/core/propagation/w3c.ts"

const TRACE = "0af7651916cd43dd8448eb211c80319c"
const SPAN = "b7ad6b7169203331"
const GOOD = `00-${TRACE}-${SPAN}-01`

const extract = (carrier: unknown) => extractContext(w3cPropagators, carrier)

describe("traceparent", () => {
  test.each([
    [GOOD, 1],
    [`00-${TRACE}-${SPAN}-00`, 0],
    [`00-${TRACE}-${SPAN}-03`, 3],
    [`00-${TRACE}-${SPAN}-ff`, 3],
    [` ${GOOD}\t`, 1],
    [`cc-${TRACE}-${SPAN}-01`, 1],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-brings`, 1],
  ])("reads %j", (header, traceFlags) => {
    expect(parseTraceparent(header)).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags })
  })

  test.each([
    "",
    "00",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}${SPAN}-01`,
    `0-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-0g`,
    GOOD.replaceAll("-", "_"),
    "x".repeat(1_000_000),
  ])("refuses %.60j", (header) => {
    expect(parseTraceparent(header)).toBeUndefined()
  })
})

describe("carriers", () => {
  test.each([
    ["an object", { traceparent: GOOD }],
    ["any letter case", { TraceParent: GOOD }],
    ["lists of values", { traceparent: [GOOD] }],
    ["pairs", [["Traceparent", GOOD]]],
    ["raw headers", ["Traceparent", GOOD]],
    ["key and value", [{ key: "traceparent", value: Buffer.from(GOOD) }]],
    ["Headers", new Headers({ traceparent: GOOD })],
    ["a Map", new Map([["traceparent", GOOD]])],
  ])("finds the context in %s", (_name, carrier) => {
    expect(extract(carrier)?.traceId).toBe(TRACE)
  })

  test.each([
    ["two of them", { traceparent: [GOOD, GOOD] }],
    ["two in different case", { traceparent: GOOD, Traceparent: GOOD }],
    ["null", null],
    ["a string", GOOD],
    ["numbers", { traceparent: 5 }],
    ["an empty array", []],
    ["a sparse array", [null, undefined]],
    [
      "a throwing getter",
      {
        get traceparent() {
          throw new Error("trap")
        },
      },
    ],
  ])("starts a new trace with %s", (_name, carrier) => {
    expect(extract(carrier)).toBeUndefined()
  })

  test("writes to objects, Headers and arrays, and leaves the rest alone", () => {
    const context = extract({ traceparent: GOOD, tracestate: "a=1", baggage: "k=v" })
    if (context === undefined) throw new Error("no context")
    const object = {}
    const headers = new Headers()
    const list: unknown[] = []
    for (const carrier of [object, headers, list, null, 5, Object.freeze({})]) injectContext(w3cPropagators, context, carrier)
    expect(object).toEqual({ traceparent: GOOD, tracestate: "a=1", baggage: "k=v" })
    expect(headers.get("traceparent")).toBe(GOOD)
    expect(list).toEqual([
      ["traceparent", GOOD],
      ["tracestate", "a=1"],
      ["baggage", "k=v"],
    ])
  })
})

describe("tracestate", () => {
  test("joins headers, drops empty members, keeps order", () => {
    expect(normaliseTraceState(["a=1, b=2 ,", " ,c@d=x y"])).toBe("a=1,b=2,c@d=x y")
  })

  test.each([
    "a",
    "A=1",
    "a=1,a=2",
    "=1",
    "a=",
    "a=\u00e9",
    "a=b=c",
    `${"k".repeat(257)}=1`,
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(),
  ])("discards %.40j", (header) => {
    expect(normaliseTraceState([header])).toBe("")
  })

  test("cuts to 512 characters, long members first", () => {
    const members = ["first=1", `long=${"x".repeat(200)}`, ...Array.from({ length: 20 }, (_, i) => `k${i}=${"y".repeat(20)}`)]
    const kept = normaliseTraceState([members.join()])
    expect(kept.length).toBeLessThanOrEqual(512)
    expect(kept).toMatch(/^first=1,k0=/)
  })
})

describe("baggage", () => {
  test("reads members, without their properties, percent-decoded", () => {
    expect([...parseBaggage(["a=1;p=2, b = x%20y ,=, c", "d=%zz"])]).toEqual([
      ["a", "1"],
      ["b", "x y"],
      ["d", "%zz"],
    ])
  })

  test("no value can break out of the header", () => {
    const header = formatBaggage(
      new Map([
        ["k", "a,b;c=d\r\nset-cookie: x"],
        ["bad key", "1"],
        ["lone", "\ud800"],
      ]),
    )
    expect(header).toMatch(/^[\x21-\x7e]+$/)
    expect([...parseBaggage([header])]).toEqual([
      ["k", "a,b;c=d\r\nset-cookie: x"],
      ["lone", "\ufffd"],
    ])
  })

  test("is bounded both ways", () => {
    const many = new Map(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, "x".repeat(100)]))
    expect(formatBaggage(many).length).toBeLessThanOrEqual(8192)
    expect(parseBaggage([Array.from({ length: 1_000 }, (_, i) => `k${i}=1`).join()]).size).toBe(64)
    expect(parseBaggage([`__proto__=1`]).get("__proto__")).toBe("1")
  })
})
