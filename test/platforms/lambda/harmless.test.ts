import { describe, expect, test } from "vitest"
import { runtimeList } from "../../runtimes/runtimes.ts"
import { collect, namesOf, open, spansInTime } from "./_open.ts"

describe.each(runtimeList)("the function is not harmed on %s", (_name, runtime) => {
  test.each(["throws", "throwsSync"])("an error passes through, tagged and delivered (%s)", async (handler) => {
    const collector = await collect()
    const invocation = await open(runtime, `functions.${handler}`, collector, { functionName: "functions" }).invoke({})
    expect(invocation.error).toMatchObject({ errorType: "Custom", errorMessage: expect.stringContaining("on purpose") })
    const root = spansInTime(collector, invocation).find((span) => span.name === "functions")
    expect(root?.status.code).toBe("error")
    expect(root?.attributes["error.type"]).toBe("Custom")
    expect(root?.events[0]?.attributes["exception.message"]).toContain("on purpose")
  })

  test.each([
    ["null", Buffer.from("null"), '"object"'],
    ["a string", Buffer.from('"text"'), '"string"'],
    ["10,000 levels", Buffer.from("[".repeat(10_000) + "]".repeat(10_000)), '"object"'],
    ["what looks like API Gateway", Buffer.from('{"httpMethod":"GET","requestContext":5,"headers":7,"path":null}'), '"object"'],
    ["what looks like an HTTP API", Buffer.from('{"requestContext":{"http":null},"routeKey":{},"headers":[]}'), '"object"'],
    ["__proto__", Buffer.from('{"__proto__":{"x":1},"constructor":{"prototype":{"y":2}}}'), '"object"'],
  ])("a hostile event changes nothing (%s)", async (_title, event, result) => {
    const collector = await collect()
    const invocation = await open(runtime, "functions.hostile", collector).invoke(event)
    expect(invocation.payload.toString()).toBe(result)
    expect(spansInTime(collector, invocation).length).toBeGreaterThan(0)
  })

  test("a synchronous handler answers as it would without us", async () => {
    const collector = await collect()
    const invocation = await open(runtime, "functions.sync", collector).invoke({})
    // Only the newer runtime takes the value; the older one answers null when the event loop is empty.
    expect(invocation.payload.toString()).toBe(runtime.name.includes("24") ? '"sync"' : "null")
    expect(spansInTime(collector, invocation).length).toBeGreaterThan(0)
  })

  test("importing alone registers nothing", async () => {
    const collector = await collect()
    const invocation = await open(runtime, "only-import.handler", collector).invoke({})
    expect(invocation.payload.toString()).toBe('"imported"')
    expect(invocation.extensions).toEqual([])
  })

  test("an invocation that no traced handler claims is let go at once", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.untraced", collector)
    for (let count = 0; count < 3; count++) {
      const invocation = await environment.invoke({})
      expect(invocation.payload.toString()).toBe('"untraced"')
      expect(invocation.heldMs).toBeLessThan(500)
    }
    expect(collector.spans).toEqual([])
  })

  test("a traced function that the handler calls late is delivered before the response", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.late", collector, { functionName: "functions" })
    const invocation = await environment.invoke({ a: 1 })
    expect(invocation.payload.toString()).toBe('{"inner":{"a":1}}')
    expect(namesOf(spansInTime(collector, invocation))).toContain("functions")
    expect(collector.batches[0]?.receivedAtMs).toBeLessThan(invocation.respondedAtMs)
  })

  test("traced twice, it has one root", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.nested", collector, { functionName: "functions" })
    const invocation = await environment.invoke({})
    expect(namesOf(spansInTime(collector, invocation))).toEqual(["functions", "init"])
  })

  test("forks and worker threads that import it while Init runs register nothing", async () => {
    const collector = await collect()
    const invocation = await open(runtime, "forks.handler", collector).invoke({})
    expect(invocation.payload.toString()).toBe('"forked"')
    expect(invocation.extensions).toEqual(["antifreeze"])
    expect(invocation.heldMs).toBeLessThan(1_000)
  })

  test("a module that throws after registering fails as it would without us", async () => {
    const collector = await collect()
    const environment = open(runtime, "throws-late.handler", collector, { timeoutMs: 3_000 })
    const invocation = await environment.invoke({})
    expect(invocation.error?.errorMessage).toContain("the module failed after it had registered")
    expect(invocation.error?.errorType).toBe("Error")
  })

  test.each(["refuse", "slow", "garbled"] as const)("registration that is met with %s harms nothing", async (extensionsApi) => {
    const collector = await collect()
    const environment = open(runtime, "functions.noop", collector, { functionName: "functions", extensionsApi, extensionsDelayMs: 300 })
    for (let count = 0; count < 3; count++) {
      const invocation = await environment.invoke({})
      expect(invocation.payload.toString()).toBe('"ok"')
      if (extensionsApi !== "garbled") expect(namesOf(spansInTime(collector, invocation))).toContain("functions")
    }
  })

  test.each([
    ["--pending-deprecation", { nodeFlags: ["--pending-deprecation"] }],
    ["--pending-deprecation --throw-deprecation", { nodeFlags: ["--pending-deprecation", "--throw-deprecation"] }],
    ["NODE_PENDING_DEPRECATION=1", { env: { NODE_PENDING_DEPRECATION: "1" } }],
    ["NODE_OPTIONS=--pending-deprecation", { env: { NODE_OPTIONS: "--pending-deprecation" } }],
  ])("where %s forbids the raw connection, output and result are the bare function's", async (_title, options) => {
    const collector = await collect()
    const bare = await open(runtime, "only-import.handler", collector, options).invoke({})
    const environment = open(runtime, "functions.noop", collector, { functionName: "functions", ...options })
    const invocation = await environment.invoke({})
    expect(invocation.payload.toString()).toBe('"ok"')
    expect(withoutIds(invocation.logs)).toBe(withoutIds(bare.logs))
    expect(namesOf(collector.spans)).toContain("functions")
  })
})

function withoutIds(logs: string): string {
  return logs
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID")
    .replace(/\(node:\d+\)/g, "(node)")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
}
