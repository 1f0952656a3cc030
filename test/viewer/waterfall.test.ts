import { describe, expect, it } from "vitest"
import { renderWaterfall } from "../../src/viewer/waterfall.ts"
import { received } from "../otlp/_records.ts"
import { checkout } from "./_checkout.ts"

describe("a trace", () => {
  it("is drawn in 80 columns", () => {
    expect(renderWaterfall(checkout())).toMatchInlineSnapshot(`
      "POST /orders · orders-api                                                 277 ms
      trace 5b8efff798038103d269b633813fc60c · 8 spans · 1 error

                                           0 ─────────── 138 ms ─────── 277 ms
      ← POST /orders ❄ cold start · 201           ▕███████████████████████████  215 ms
      ├ · init                             ███████▊                            61.3 ms
      ├ → DynamoDB.GetItem dynamodb.eu-ce…         ██▌                         18.4 ms
      ├ → POST 201 · api.payments.example            ▐███████████████           122 ms
      │ └ ← POST /charges 201 · payments               ████████████▊           98.2 ms
      │   └ → INSERT charges                            ████▏                  31.7 ms
      ├ → GET stock.example                                          ██████▌   50.3 ms
      │   ✗ ECONNRESET: socket hang up
      └ » send orders ⇠ 1 link                                             ▐█▊ 16.2 ms
      "
    `)
  })

  it("is drawn in colour, with reversed blocks for the left ends of bars", () => {
    expect(visible(renderWaterfall(checkout().slice(0, 2), { color: true }))).toMatchInlineSnapshot(`
      "␛[1mPOST /orders␛[22m · orders-api                                               ␛[1m  277 ms␛[22m
      ␛[2mtrace 5b8efff798038103d269b633813fc60c · 2 spans␛[22m

                                        ␛[2m0 ───────────── 138 ms ──────── 277 ms␛[22m
      ␛[32m← ␛[39mPOST /orders␛[2m ❄ cold start · 201␛[22m         ␛[32m␛[7m▌␛[27m█████████████████████████████␛[39m␛[2m  215 ms␛[22m
      ␛[2m└ ␛[22m␛[34m· ␛[39minit                          ␛[34m████████▍␛[39m                             ␛[2m 61.3 ms␛[22m
      "
    `)
  })

  it.each([40, 60, 80, 133])("stays within %d columns, in colour and without", (width) => {
    for (const color of [true, false]) {
      for (const line of renderWaterfall(checkout(), { width, color }).split("\n")) {
        expect(line.replace(/\u001b\[\d+m/g, "").length).toBeLessThanOrEqual(width)
      }
    }
  })

  it("writes no colour unless asked", () => {
    expect(renderWaterfall(checkout())).not.toContain("\u001b")
  })

  it("of nothing is nothing", () => {
    expect(renderWaterfall([])).toBe("")
  })

  it("draws each span once, as it came last", () => {
    const [first, again] = [received({ id: 1, name: "first" }), received({ id: 1, name: "again" })]
    const drawn = renderWaterfall([...first, ...again])
    expect(drawn).toContain("1 span\n")
    expect(drawn).not.toContain("first")
  })
})

describe("what is missing or strange", () => {
  it("a parent that was not received is named", () => {
    expect(renderWaterfall(checkout().slice(6).reverse())).toMatchInlineSnapshot(`
      "GET · orders-api                                                         67.4 ms
      trace 5b8efff798038103d269b633813fc60c · 2 spans · 1 error

                               0 ───────────────── 33.7 ms ─────────── 67.4 ms
      ? parent 0000000000000001 not received
      ├ → GET stock.example    ███████████████████████████████████▏            50.3 ms
      │   ✗ ECONNRESET: socket hang up
      └ » send orders ⇠ 1 link                                    ▐███████████ 16.2 ms
      "
    `)
  })

  it("a child whose clock is behind is moved into its parent, with its own children", () => {
    const call = { id: 1, name: "call", forMs: 100, tags: { "span.kind": "client" } }
    const serve = {
      id: 2,
      parent: 1,
      name: "serve",
      service: "other",
      atMs: -3_600_000,
      forMs: 50,
      more: { parentIsRemote: true },
    }
    const inner = { id: 3, parent: 2, name: "inner", service: "other", atMs: -3_600_000 + 10, forMs: 20 }
    expect(renderWaterfall(received(call, serve, inner))).toMatchInlineSnapshot(`
      "call · orders-api                                                         100 ms
      trace 5b8efff798038103d269b633813fc60c · 3 spans

                                   0 ──────────────── 50 ms ─────────── 100 ms
      → call                       ███████████████████████████████████████████  100 ms
      └ · serve other · clock -1 h           ▐█████████████████████▎             50 ms
        └ · inner                                 ████████▋                      20 ms
      "
    `)
  })

  it("a span that is not finished is open to the right", () => {
    expect(
      renderWaterfall(received({ id: 1, forMs: 100 }, { id: 2, parent: 1, atMs: 50, more: { durationUs: undefined } })),
    ).toMatchInlineSnapshot(`
      "span 1 · orders-api                                                       100 ms
      trace 5b8efff798038103d269b633813fc60c · 2 spans

                            0 ─────────────────── 50 ms ─────────────── 100 ms
      · span 1              ██████████████████████████████████████████████████  100 ms
      └ · span 2 unfinished                          ░░░░░░░░░░░░░░░░░░░░░░░░░       …
      "
    `)
  })

  it("a span without a time has no bar, and leaves the axis alone", () => {
    const drawn = renderWaterfall(
      received({ id: 1, forMs: 10 }, { id: 2, parent: 1, name: "timeless", more: { startUs: 0, durationUs: 0 } }),
    )
    expect(drawn).toContain("10 ms\n")
    expect(drawn).toContain("timeless\n")
  })

  it("spans that are their own ancestors are drawn all the same", () => {
    const drawn = renderWaterfall(received({ id: 1, parent: 2 }, { id: 2, parent: 1 }, { id: 3, parent: 3 }, { id: 4, parent: 3 }))
    for (const name of ["span 1", "span 2", "span 3", "span 4"]) expect(drawn.split(name)).toHaveLength(name === "span 1" ? 3 : 2)
  })

  it("an unknown kind of text cannot drive the terminal", () => {
    const hostile = "\u001b[2J\u001b]0;title\u0007\r\n\u009b31m\u202e\u200b\u2028\ud800"
    const spans = received({
      id: 1,
      name: hostile,
      service: hostile,
      tags: { "span.kind": "client", "server.address": hostile, error: true, "error.kind": hostile, "error.message": hostile },
    })
    const drawn = renderWaterfall(spans, { width: 400 })
    expect(drawn).not.toMatch(/[^\P{Cc}\n]|\p{Cf}|\p{Zl}|\p{Cs}/u)
    expect(drawn).toContain("\\u{1b}[2J\\u{1b}]0;title\\u{7}\\r\\n\\u{9b}31m\\u{202e}\\u{200b}\\u{2028}")
  })

  it("wide and combining characters keep the bars in line", () => {
    const drawn = renderWaterfall(
      received(
        { id: 1, name: "日本語の名前" },
        { id: 2, parent: 1, name: "e\u0301te\u0301" },
        { id: 3, parent: 1, name: `z${"\u0300".repeat(5_000)}` },
      ),
    )
    const lines = drawn.split("\n").slice(4, 7)
    expect(lines.map((line) => line.indexOf("█"))).toEqual([
      // In column 15: six characters are twice as wide, two take no room, and of 5,000 marks some are kept.
      15 - 6,
      15 + 2,
      expect.any(Number),
    ])
    expect(drawn.length).toBeLessThan(8_000)
  })
})

describe("a large trace", () => {
  it("shows failed spans and sums up the others", () => {
    const queries = Array.from({ length: 999 }, (_, i) => ({
      id: i + 2,
      parent: 1,
      name: "SELECT",
      atMs: i,
      forMs: 0.9,
      tags: i === 500 ? { error: true } : {},
    }))
    expect(renderWaterfall(received({ id: 1, name: "root", forMs: 1000 }, ...queries), { maxRows: 6 })).toMatchInlineSnapshot(`
      "root · orders-api                                                            1 s
      trace 5b8efff798038103d269b633813fc60c · 1000 spans · 1 error

                   0 ─────────────────────── 500 ms ────────────────────── 1 s
      · root       ███████████████████████████████████████████████████████████     1 s
      ├ · SELECT   ▏                                                            900 µs
      ├ · SELECT   ▏                                                            900 µs
      ├ · SELECT   ▏                                                            900 µs
      ├ · SELECT                                ▕                               900 µs
      │   ✗ failed
      └ … 995 more ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
      "
    `)
  })

  it("of a thousand levels is cut", () => {
    const levels = Array.from({ length: 1000 }, (_, i) => ({ id: i + 1, ...(i > 0 && { parent: i }), forMs: 1000 - i, atMs: i }))
    const lines = renderWaterfall(received(...levels)).split("\n")
    expect(lines).toHaveLength(4 + 60 + 1)
    expect(lines.at(-2)).toMatch(/^… 941 more/)
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
  })

  it("of 10,000 spans is drawn within a second", { retry: 2 }, () => {
    const wide = received(...Array.from({ length: 10_000 }, (_, i) => ({ id: i + 1, ...(i > 0 && { parent: Math.ceil(i / 3) }), atMs: i })))
    const started = performance.now()
    renderWaterfall(wide)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

function visible(text: string): string {
  return text.replaceAll("\u001b", "␛")
}
