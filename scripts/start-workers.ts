// npm start -- workers: the example Worker in the real workerd, its traces drawn as they arrive.
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { styleText } from "node:util"
import { renderWaterfall } from "../src/viewer/waterfall.ts"
import { startWorker } from "../test/platforms/cloudflare/_worker.ts"

const source = readFileSync(fileURLToPath(new URL("../examples/worker/src/index.js", import.meta.url)), "utf8")
const prices = createServer((_request, response) => setTimeout(() => response.end(JSON.stringify({ book: 1900 })), 30)).listen(
  0,
  "127.0.0.1",
)
await new Promise((resolve) => prices.once("listening", resolve))

const worker = await startWorker({
  source,
  miniflare: {
    bindings: { PRICES_URL: `http://127.0.0.1:${(prices.address() as AddressInfo).port}`, OTEL_SERVICE_NAME: "orders" },
    kvNamespaces: ["CACHE"],
    d1Databases: ["DB"],
    queueProducers: { JOBS: "jobs" },
    queueConsumers: { jobs: { maxBatchTimeout: 0.1 } },
    durableObjects: { COUNTER: { className: "Counter", useSQLite: true } },
  },
})
console.log("The example Worker (examples/worker) in workerd.\n")
let failed = false
try {
  for (const [count, wanted] of [
    [1, 13],
    [2, 12],
  ] as const) {
    worker.collector.clear()
    const startMs = performance.now()
    const body = await worker.get("/orders")
    const answeredMs = performance.now() - startMs
    const spans = await worker.collector.waitForSpans(wanted).catch(() => worker.collector.spans)
    const isShort = spans.length < wanted
    failed ||= isShort
    const mark = isShort
      ? styleText("red", `✗ ${spans.length} of ${wanted} spans`)
      : styleText("green", `✓ all ${spans.length} spans delivered`)
    console.log(
      `${styleText("bold", `Request ${count}`)} · ${body.trim().split("\n").length} lines after ${answeredMs.toFixed(0)} ms · ${mark}\n`,
    )
    const width = Math.min(process.stdout.columns || 100, 120)
    // The queue's consumer has a trace of its own, linked to this one.
    for (const traceId of new Set(spans.map((span) => span.traceId))) {
      const trace = spans.filter((span) => span.traceId === traceId)
      console.log(`${renderWaterfall(trace, { width, color: styleText("red", "x") !== "x" })}\n`)
    }
  }
} finally {
  await worker.dispose()
  prices.close()
  prices.closeAllConnections()
}
process.exitCode = failed ? 1 : 0
