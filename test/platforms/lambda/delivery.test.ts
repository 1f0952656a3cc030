import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import type { EnvironmentOptions, Runtime } from "../../../src/environment/contracts.ts"
import type { Collector } from "../../../src/viewer/collector.ts"
import { certificate } from "../../_certificate.ts"
import { closeIdle, late } from "../../faults.ts"
import { runtimeList } from "../../runtimes/runtimes.ts"
import { collect, namesOf, open, spansInTime } from "./_open.ts"

const FIVE = ["child 1", "child 2", "child 3", "child 4", "child 5", "functions"]

/** Every invocation's spans, all of them, before its own freeze. */
async function allInTime(runtime: Runtime, collector: Collector, times: number, options: Partial<EnvironmentOptions>): Promise<void> {
  const environment = open(runtime, "functions.five", collector, { functionName: "functions", ...options })
  const late: string[] = []
  for (let count = 0; count <= times; count++) {
    const invocation = await environment.invoke({})
    expect(invocation.payload.toString()).toBe('"done"')
    // What a cold start of a small function could not deliver in time comes with the next invocation, and is none of its own.
    const spans = spansInTime(collector, invocation)
    const root = spans.find(({ attributes }) => attributes["faas.invocation_id"] === invocation.requestId)
    const names = namesOf(spans.filter(({ traceId }) => traceId === root?.traceId))
    if (names.join() !== FIVE.join() && count > 0) late.push(`invocation ${count}: ${names.join()}`)
  }
  expect(late).toEqual([])
}

describe.each(runtimeList)("spans are delivered before the freeze on %s", (_name, runtime) => {
  test("over 200 warm invocations with five children each", async () => {
    await allInTime(runtime, await collect({ onRequest: late(25) }), 200, {})
  })

  test("to an HTTPS collector", async () => {
    const tls = await certificate()
    const file = join(mkdtempSync(join(tmpdir(), "antifreeze-test-")), "ca.pem")
    writeFileSync(file, tls.cert)
    const collector = await collect({ tls, onRequest: late(25) })
    await allInTime(runtime, collector, 40, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, NODE_EXTRA_CA_CERTS: file } })
    const byVariable = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_CERTIFICATE: file }
    await allInTime(runtime, collector, 3, { env: byVariable })
  })

  test.each([128, 512])("with %i MB of memory", async (memoryMb) => {
    await allInTime(runtime, await collect({ onRequest: late(25) }), 15, { memoryMb })
  })

  test.each([true, false])("though the collector hangs up on idle connections (with a hint: %s)", async (hint) => {
    const collector = await collect({ onRequest: closeIdle(5, { hint }) })
    const environment = open(runtime, "functions.noop", collector)
    for (let count = 0; count < 8; count++) {
      const invocation = await environment.invoke({})
      expect(spansInTime(collector, invocation).length).toBeGreaterThan(0)
      // The connection ages while the function is frozen; in some rounds it breaks just before it is used.
      await new Promise((resolve) => setTimeout(resolve, count * 5))
    }
  })
})

describe.each(runtimeList)("what the spans say on %s", (_name, runtime) => {
  test("the root has the conventions' attributes, and a cold start draws its init", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.noop", collector, { functionName: "functions" })
    const { requestId } = await environment.invoke({})
    const [cold] = collector.batches.flatMap((batch) => batch.spans).filter((span) => span.kind === "server")
    expect(cold?.name).toBe("functions")
    expect(cold?.attributes).toMatchObject({ "faas.invocation_id": requestId, "faas.coldstart": true, "faas.trigger": "other" })
    expect(cold?.resource).toMatchObject({ "service.name": "functions", "faas.name": "functions", "cloud.provider": "aws" })
    const init = collector.spans.find((span) => span.name === "init")
    expect(init?.parentSpanId).toBe(cold?.spanId)
    expect(init?.endUs).toBeLessThanOrEqual((cold?.startUs ?? 0) + 5_000)
    await environment.invoke({})
    expect(collector.spans.at(-1)?.attributes["faas.coldstart"]).toBe(false)
  })

  test("an ES module with top-level await is traced alike", async () => {
    const collector = await collect()
    const environment = open(runtime, "module.five", collector, { functionName: "functions" })
    const invocation = await environment.invoke({})
    expect(namesOf(spansInTime(collector, invocation))).toEqual([...FIVE, "init"])
  })

  test("an ESM and a CommonJS copy in one process make one root, one span a call, one registration", async () => {
    const collector = await collect()
    const environment = open(runtime, "copies.handler", collector, { functionName: "functions" })
    const invocation = await environment.invoke({ url: `${collector.url}/nothing` })
    expect(JSON.parse(invocation.payload.toString())).toEqual({ sameCopy: false, sameTracer: true })
    expect(namesOf(spansInTime(collector, invocation))).toEqual(["GET", "by cjs", "by esm", "functions", "init"])
    expect(invocation.extensions).toEqual(["antifreeze"])
  })
})
