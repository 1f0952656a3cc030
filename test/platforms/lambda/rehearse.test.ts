// A small function's Init, on AWS's own runtime clients: what it rehearses must leave no trace of its own.
import { describe, expect, test, vi } from "vitest"
import * as processor from "../../../src/platforms/lambda/processor.ts"
import { rehearse } from "../../../src/platforms/lambda/rehearse.ts"
import { withTracing } from "../../../src/platforms/lambda/with-tracing.ts"
import { createTracer } from "../../../src/platforms/node/node-tracer.ts"
import { runtimes } from "../../runtimes/runtimes.ts"
import { collect, open } from "./_open.ts"

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))("with a share of a processor, on %s", (_name, runtime) => {
  test("nothing is sent in Init, and the first invocation sends what it always does", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.noop", collector, { functionName: "functions", memoryMb: 256 })
    await environment.init()
    expect(collector.batches).toHaveLength(0)
    const invocation = await environment.invoke({})
    expect(invocation.payload.toString()).toBe('"ok"')
    expect(invocation.logs).not.toContain("[antifreeze]")
    expect(collector.spans.map(({ name }) => name).sort()).toEqual(["functions", "init"])
    expect(collector.spans.find(({ name }) => name === "functions")?.attributes["faas.coldstart"]).toBe(true)
  })
})

test("a rehearsal starts spans and encodes them, and leaves nothing behind", () => {
  const exported: unknown[] = []
  const encode = vi.fn(() => "")
  const exporter = {
    export: (spans: readonly unknown[]) => {
      exported.push(...spans)
      return Promise.resolve({ delivered: 0, dropped: 0, kept: 0 })
    },
  }
  const tracer = createTracer({ exporter: { ...exporter, urgent: { encode } as never } })
  const start = vi.spyOn(tracer, "startSpan")
  rehearse(tracer)
  expect(start.mock.calls.map(([name]) => name)).toEqual(["GET", ""])
  expect(encode).toHaveBeenCalledTimes(1)
  expect(exported).toEqual([])
  expect(tracer.activeSpan).toBeNull()
  expect(tracer.scopeManager.invocations.size).toBe(0)
  expect(tracer.loose.spans).toEqual([])
})

test("where nothing can be rehearsed, the handler is wrapped all the same", () => {
  const exporter = {
    export: () => Promise.resolve({ delivered: 0, dropped: 0, kept: 0 }),
    get urgent(): never {
      throw new Error("broken")
    },
  }
  const [share, handler] = [vi.spyOn(processor, "processorShare").mockReturnValue(0.1), async () => "ok"]
  expect(withTracing(handler, { exporter })).not.toBe(handler)
  expect(share).toHaveBeenCalled()
  share.mockRestore()
})
