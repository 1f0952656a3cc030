// Lambda Managed Instances: worker threads, many invocations at once, no freeze. On AWS's own runtime client, which starts its workers by itself.
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { openEnvironment } from "../../src/environment/environment.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { median } from "../bench/_figures.ts"
import { late } from "../faults.ts"
import { runtimes } from "../runtimes/runtimes.ts"
import { layered, opt } from "./_compare.ts"
import { functions } from "./bundles.ts"

const INVOCATIONS = 60
const COLLECTOR_MS = 250

// Managed Instances run version 4 on Node 22 too.
const both = [runtimes.ric4, { ...runtimes.ric4, node: runtimes.ric3.node }]

test.each(both)("concurrent invocations in worker threads are traced apart, and none waits for a delivery: $node", async (runtime) => {
  const upstream = createServer((request, response) => void response.end(request.url))
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve))
  const collector = await startCollector({ onRequest: late(COLLECTOR_MS) })
  const environment = openEnvironment({
    handler: "concurrent.handler",
    taskRoot: functions,
    runtime,
    optRoot: opt,
    maxConcurrency: 16,
    env: {
      ...layered,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      UPSTREAM: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`,
      AWS_LAMBDA_NODEJS_WORKER_COUNT: "3",
    },
  })
  onTestFinished(async () => {
    await environment.close()
    await collector.close()
    upstream.close()
  })

  const invocations = await Promise.all(Array.from({ length: INVOCATIONS }, (_, n) => environment.invoke({ n })))
  const results = invocations.map(({ payload }) => JSON.parse(payload.toString()) as Record<string, unknown>)
  expect(results.map(({ n, got }) => [n, got])).toEqual(Array.from({ length: INVOCATIONS }, (_, n) => [n, `/${n}`]))
  expect(new Set(results.map(({ thread }) => thread)).size).toBe(3)
  expect(new Set(results.map(({ handler }) => handler))).toEqual(new Set(["concurrent.handler"]))
  expect(invocations.some(({ extensionRegistered }) => extensionRegistered)).toBe(false)
  // The first ones start their workers; a delivery would hold back all.
  const times = invocations.slice(20).map(({ responseMs }) => responseMs)
  expect(median(times)).toBeLessThan(COLLECTOR_MS)

  const spans = await collector.waitForSpans(2 * INVOCATIONS, 5000)
  const roots = spans.filter((span) => span.parentSpanId === undefined)
  const calls = spans.filter((span) => span.kind === "client")
  expect([roots.length, calls.length, new Set(roots.map(({ traceId }) => traceId)).size]).toEqual([INVOCATIONS, INVOCATIONS, INVOCATIONS])
  for (const [n, { requestId }] of invocations.entries()) {
    const root = roots.find((span) => span.attributes["faas.invocation_id"] === requestId)
    const own = calls.filter((span) => span.traceId === root?.traceId)
    expect(own.map((span) => [span.parentSpanId, String(span.attributes["url.full"]).endsWith(`/${n}`)])).toEqual([[root?.spanId, true]])
    expect(root?.attributes["faas.coldstart"]).toBe(false)
  }
  // Together, not one by one.
  expect(collector.batches.length).toBeLessThan(INVOCATIONS / 2)
})
