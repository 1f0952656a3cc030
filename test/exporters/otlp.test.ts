import { describe, expect, test } from "vitest"
import type { SpanRecord } from "../../src/core/contracts.ts"
import { createReport } from "../../src/core/report.ts"
import { createOtlpExporter, type Post, type PostReply } from "../../src/exporters/otlp.ts"
import { testTracer } from "../_double.ts"

const OK: PostReply = { status: 200, body: "{}" }

/** An exporter whose posts are answered in turn: a reply, or an error to reject with. The last one stays. */
function set(answers: readonly (PostReply | Error)[], limits = { spans: 100, bytes: 1_000_000 }, timeoutMs = 50) {
  const sent: string[][] = []
  const lines: string[] = []
  const post: Post = async (body) => {
    const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: { name: string }[] }[] }[] }
    sent.push((resourceSpans[0]?.scopeSpans[0]?.spans ?? []).map((span) => span.name))
    const answer = answers[Math.min(sent.length, answers.length) - 1] ?? OK
    if (answer instanceof Error) throw answer
    return answer
  }
  const scope = { name: "test", version: "1" }
  const report = createReport((line) => lines.push(line))
  return {
    exporter: createOtlpExporter({ post, resource: new Map(), scope, timeoutMs, limits, report, monotonicMs: () => performance.now() }),
    sent,
    lines,
  }
}

function spans(...names: string[]): SpanRecord[] {
  const { tracer } = testTracer()
  return names.map((name) => {
    const span = tracer.startSpan(name)
    span.finish()
    return span
  })
}

describe("OTLP exporter", () => {
  test("deferred spans go out with the next call, and the oldest give way where the limits demand it", async () => {
    const { exporter, sent } = set([OK], { spans: 3, bytes: 1_000_000 })
    exporter.urgent?.defer(spans("a", "b"), 100)
    expect(sent).toEqual([])
    expect(exporter.urgent?.pending).toBe(true)
    exporter.urgent?.defer(spans("c", "d"), 100)
    await exporter.export(spans("e"))
    expect(sent).toEqual([["c", "d", "e"]])
    expect(exporter.urgent?.pending).toBe(false)
  })

  test("sends nothing when there is nothing to send", async () => {
    const { exporter, sent } = set([OK])
    expect(await exporter.export([])).toEqual({ delivered: 0, dropped: 0, kept: 0 })
    expect(sent).toEqual([])
  })

  test("keeps what could not be delivered, and sends it first with the next call", async () => {
    const { exporter, sent, lines } = set([new Error("ECONNREFUSED"), new Error("ECONNREFUSED"), OK])
    expect(await exporter.export(spans("a"))).toEqual({ delivered: 0, dropped: 0, kept: 1 })
    expect(await exporter.export(spans("b"))).toEqual({ delivered: 0, dropped: 0, kept: 2 })
    expect(await exporter.export(spans("c"))).toEqual({ delivered: 3, dropped: 0, kept: 0 })
    expect(sent.at(-1)).toEqual(["a", "b", "c"])
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain("ECONNREFUSED")
  })

  test("drops the oldest past the bound of spans, and counts them", async () => {
    const { exporter, sent } = set([new Error("down"), new Error("down"), new Error("down"), OK], { spans: 3, bytes: 1_000_000 })
    await exporter.export(spans("a1", "a2"))
    expect(await exporter.export(spans("b1", "b2"))).toEqual({ delivered: 0, dropped: 2, kept: 2 })
    expect(await exporter.export(spans("c1"))).toEqual({ delivered: 0, dropped: 0, kept: 3 })
    await exporter.export([])
    expect(sent.at(-1)).toEqual(["b1", "b2", "c1"])
  })

  test("drops the oldest past the bound of bytes", async () => {
    const { exporter } = set([new Error("down")], { spans: 1_000, bytes: 1_500 })
    let dropped = 0
    for (let count = 0; count < 20; count++) dropped += (await exporter.export(spans(`span ${count}`))).dropped
    expect(dropped).toBeGreaterThan(10)
  })

  test.each([429, 502, 503, 504])("tries once more after %i, within the bound", async (status) => {
    const { exporter, sent } = set([{ status, body: "", retryAfterMs: 1 }, OK])
    expect((await exporter.export(spans("a"))).delivered).toBe(1)
    expect(sent).toHaveLength(2)
  })

  test("sends nothing before the time that Retry-After gave", async () => {
    const { exporter, sent } = set([{ status: 503, body: "", retryAfterMs: 60_000 }, OK])
    expect((await exporter.export(spans("a"))).kept).toBe(1)
    expect((await exporter.export(spans("b"))).kept).toBe(2)
    expect(sent).toHaveLength(1)
  })

  test.each([400, 401, 403, 404, 413, 500])("gives up on %i: another try would end the same", async (status) => {
    const { exporter, sent, lines } = set([{ status, body: "" }])
    expect(await exporter.export(spans("a"))).toEqual({ delivered: 0, dropped: 1, kept: 0 })
    expect(sent).toHaveLength(1)
    expect(lines[0]).toContain(String(status))
  })

  test("counts what a partial success rejected, and never sends it again", async () => {
    const body = JSON.stringify({ partialSuccess: { rejectedSpans: "1", errorMessage: "too old" } })
    const { exporter, sent, lines } = set([{ status: 200, body }])
    expect(await exporter.export(spans("a", "b"))).toEqual({ delivered: 1, dropped: 1, kept: 0 })
    expect(sent).toHaveLength(1)
    expect(lines[0]).toContain("too old")
  })

  test.each(["", "not json", "null", '{"partialSuccess":5}', '{"partialSuccess":{"rejectedSpans":"many"}}'])(
    "takes %j for a plain yes",
    async (body) => {
      expect((await set([{ status: 200, body }]).exporter.export(spans("a"))).delivered).toBe(1)
    },
  )

  test("with no time left it keeps everything", async () => {
    const { exporter, sent } = set([OK])
    expect((await exporter.export(spans("a"), 0)).kept).toBe(1)
    expect(sent).toEqual([])
  })
})
