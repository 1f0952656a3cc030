import { describe, expect, test } from "vitest"
import { endless, type Fault, garbage, inTurn, never, notHttp, resetAfter, resetBefore, status } from "../../faults.ts"
import { freePort } from "../../free-port.mjs"
import { runtimes } from "../../runtimes/runtimes.ts"
import { collect, open, spansInTime } from "./_open.ts"

/** However slow this machine is at the moment: far from the collector's never, near enough to the bound of 300 ms. */
const BOUND_MS = 300
const SLACK_MS = 400

const broken: [string, Fault][] = [
  ["never answers", never()],
  ["resets before it reads", resetBefore()],
  ["resets after it has read", resetAfter()],
  ["answers 503 with Retry-After: 60", status(503, { "retry-after": "60" })],
  ["answers 429 without Retry-After", status(429)],
  ["answers what is not HTTP", notHttp()],
]

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))(
  "with an endpoint that fails, on %s",
  { retry: 2 },
  (_name, runtime) => {
    test.each(broken)("%s: answered on time, held within the bound, told once, delivered later", async (title, fault) => {
      let broken = true
      const collector = await collect({ onRequest: (exchange) => broken && fault(exchange) })
      const environment = open(runtime, "functions.noop", collector, { functionName: "functions" })
      const failing = [await environment.invoke({}), await environment.invoke({}), await environment.invoke({})]
      for (const invocation of failing) {
        expect(invocation.payload.toString()).toBe('"ok"')
        expect(invocation.responseMs).toBeLessThan(BOUND_MS)
        expect(invocation.heldMs).toBeLessThan(BOUND_MS + SLACK_MS)
      }
      broken = false
      const last = await environment.invoke({})
      const lines = [...failing, last].flatMap(({ logs }) => logs.split("\n")).filter((line) => line.includes("[antifreeze]"))
      expect(lines).toHaveLength(1)
      // What was kept arrives with the first delivery that works, unless the endpoint has asked to be left alone for longer.
      const arrived = new Set(collector.spans.filter((span) => span.name === "functions").map((span) => span.spanId))
      expect(arrived.size).toBe(title.includes("Retry-After: 60") ? 0 : 4)
    })

    test("refuses connections: the same", async () => {
      const port = await freePort()
      const environment = open(runtime, "functions.noop", undefined, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` } })
      for (let count = 0; count < 3; count++) {
        const invocation = await environment.invoke({})
        expect(invocation.payload.toString()).toBe('"ok"')
        expect(invocation.heldMs).toBeLessThan(BOUND_MS + SLACK_MS)
        expect(invocation.logs.match(/\[antifreeze\]/g)?.length ?? 0).toBe(count === 0 ? 1 : 0)
      }
    })

    test.each([
      ["garbage", garbage()],
      ["endless", endless()],
    ])("an answer whose body is %s takes nothing back", async (_title, fault) => {
      const collector = await collect({ onRequest: fault })
      const environment = open(runtime, "functions.noop", collector)
      const invocation = await environment.invoke({})
      expect(invocation.payload.toString()).toBe('"ok"')
      expect(invocation.heldMs).toBeLessThan(BOUND_MS + SLACK_MS)
      expect(spansInTime(collector, invocation).length).toBeGreaterThan(0)
    })

    test("a Retry-After that fits the bound is waited for", async () => {
      const collector = await collect({ onRequest: inTurn(status(503, { "retry-after": "0" })) })
      const environment = open(runtime, "functions.noop", collector)
      const invocation = await environment.invoke({})
      expect(spansInTime(collector, invocation).length).toBeGreaterThan(0)
    })

    test("spans that the endpoint refuses for good are dropped and said so", async () => {
      const collector = await collect({ onRequest: inTurn(status(400)) })
      const environment = open(runtime, "functions.noop", collector)
      const first = await environment.invoke({})
      expect(first.logs).toContain("answered 400")
      const second = await environment.invoke({})
      expect(spansInTime(collector, second)).toHaveLength(1)
    })
  },
)
