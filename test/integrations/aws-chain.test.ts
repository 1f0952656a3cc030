import { describe, expect, it } from "vitest"
import { renderWaterfall } from "../../src/viewer/waterfall.ts"
import { runChain } from "./_aws-chain.ts"

describe("four functions, bundled and minified, with SQS, Lambda, SNS and SQS between them", () => {
  it("are one trace, each caused by the one before", async () => {
    const spans = await runChain("cjs-bundled")
    const byId = new Map(spans.map((span) => [span.spanId, span]))
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
    const path: string[] = []
    for (let span = spans.find(({ name }) => name === "bills process"); span !== undefined; span = byId.get(span.parentSpanId ?? ""))
      path.unshift(span.name)
    expect(path).toEqual([
      "POST /orders",
      "SendMessage orders",
      "orders process",
      "Lambda.Invoke",
      "billing",
      "Publish bills",
      "bills process",
    ])
    const drawn = renderWaterfall(spans, { width: 110 })
    for (const name of path) expect(drawn).toContain(name)
  }, 60_000)

  it("a batch of two traces is linked to both, and belongs to neither", async () => {
    const spans = await runChain("esm-bundled", 2)
    const mailer = spans.find(({ name }) => name === "bills process")
    const senders = spans.filter(({ name }) => name === "Publish bills")
    expect(senders).toHaveLength(2)
    expect(mailer?.parentSpanId ?? "").toBe("")
    expect(mailer?.links.map(({ spanId }) => spanId).toSorted()).toEqual(senders.map(({ spanId }) => spanId).toSorted())
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(3)
  }, 60_000)
})
