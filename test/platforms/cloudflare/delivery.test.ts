import { afterEach, describe, expect, test } from "vitest"
import type { Collector, Exchange } from "../../../src/viewer/collector.ts"
import { startWorker, type Worker, type WorkerOptions } from "./_worker.ts"

let worker: Worker
afterEach(() => worker?.dispose())

const start = async (body: string, options: string, more: Partial<WorkerOptions> = {}) => {
  const source = `
    import { withTracing, tracer } from "antifreeze"
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    export default withTracing({ async fetch(request, env, ctx) { ${body}; return new Response("ok") } }, ${options})`
  worker = await startWorker({ source, ...more })
  return worker
}
const names = ({ spans }: Pick<Collector, "spans">) => spans.map((span) => span.name).sort()

describe("delivery", () => {
  test("tries again, at most three times, after an answer that is worth it; then with the next invocation", async () => {
    let posts = 0
    const onRequest = ({ response }: Exchange) => {
      if (++posts > 3) return false
      response.writeHead(503).end("later")
      return true
    }
    await start("", "{}", { collector: { onRequest } })
    await worker.get("/one")
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(posts).toBe(3)
    await worker.get("/two")
    expect((await worker.spans(2)).map((span) => span.attributes["url.path"]).sort()).toEqual(["/one", "/two"])
  })

  test("a refused endpoint harms nobody", async () => {
    await start("", `{ endpoint: "http://127.0.0.1:1" }`)
    expect(await worker.get("/")).toBe("ok")
    expect(await worker.get("/")).toBe("ok")
  })

  test("an endpoint that never answers holds nobody up", async () => {
    await start("", "{ timeoutMs: 100 }", { collector: { onRequest: () => true } })
    const startMs = Date.now()
    for (let n = 0; n < 5; n++) expect(await worker.get("/")).toBe("ok")
    expect(Date.now() - startMs).toBeLessThan(2_000)
  })

  test("work that starts when all is over is sent late, by itself", async () => {
    await start(
      `ctx.waitUntil(sleep(10)); const keep = ctx.constructor.prototype.waitUntil; keep.call(ctx, sleep(40).then(() => tracer.startActiveSpan("late", () => sleep(5))))`,
      "{}",
    )
    await worker.get("/")
    await worker.spans(2)
    expect(names(worker.collector)).toEqual(["GET", "late"])
    expect(worker.collector.batches).toHaveLength(2)
  })

  test("a span that nobody finishes is sent with the rest, and marked", async () => {
    await start(`tracer.startSpan("open")`, "{}")
    await worker.get("/")
    const spans = await worker.spans(2)
    expect(spans.find((span) => span.name === "open")?.attributes["antifreeze.unfinished"]).toBe(true)
  })

  test("no property of the context stays changed for the runtime: waitUntil keeps its errors and its tasks", async () => {
    await start(`ctx.waitUntil(Promise.reject(new Error("task failed")));  ctx.waitUntil(new Promise(() => {}))`, "{}")
    expect(await worker.get("/")).toBe("ok")
  })

  test("lingers for more requests where that is asked for: ten invocations, one subrequest", async () => {
    await start("", "{ linger: { spans: 10, ms: 60000 } }")
    for (let n = 0; n < 10; n++) await worker.get(`/${n}`)
    expect(await worker.spans(10)).toHaveLength(10)
    expect(worker.collector.batches).toHaveLength(1)
  })
})

describe("what leaves", () => {
  test("tail sampling sees the whole invocation", async () => {
    await start(
      `await tracer.startActiveSpan("work", () => sleep(1)); if (request.url.endsWith("/bad")) return new Response("", { status: 500 })`,
      `{ keep: (spans) => spans.some((span) => span.tags.get("http.response.status_code") === 500) }`,
    )
    await worker.get("/good")
    await worker.get("/bad")
    await worker.spans(2)
    expect(names(worker.collector)).toEqual(["GET", "work"])
    expect(worker.collector.batches).toHaveLength(1)
  })

  test("redaction changes and removes tags of every span", async () => {
    await start(
      `await tracer.startActiveSpan("work", (span) => span.addTags({ card: "4111", plan: "gold" }))`,
      `{ redact: (key, value) => (key === "card" ? undefined : key === "url.path" ? "/…" : value) }`,
    )
    await worker.get("/secret")
    const spans = await worker.spans(2)
    expect(spans.find((span) => span.name === "work")?.attributes).toMatchObject({ plan: "gold" })
    expect(JSON.stringify(spans)).not.toMatch(/4111|secret/)
  })

  test("redaction that fails lets nothing out", async () => {
    await start("", `{ redact: () => { throw new Error("bug") } }`)
    await worker.get("/")
    expect((await worker.spans(1))[0]?.attributes["url.path"]).toBeUndefined()
  })

  test("options of the request's environment: another service for each, one exporter kept", async () => {
    await start("", `(env) => ({ serviceName: "tenant-" + (globalThis.n = 1 - (globalThis.n ?? 1)), sampleRate: 1 })`)
    for (let n = 0; n < 4; n++) await worker.get("/")
    const services = (await worker.spans(4)).map((span) => span.resource["service.name"]).sort()
    expect(services).toEqual(["tenant-0", "tenant-0", "tenant-1", "tenant-1"])
  })

  test("context goes to listed hosts only", async () => {
    const body = `return new Response(String(await (await fetch(env.ECHO)).text()))`
    const { createServer } = await import("node:http")
    const echo = createServer((request, response) => response.end(String(request.headers["traceparent"]))).listen(0, "127.0.0.1")
    await new Promise((resolve) => echo.once("listening", resolve))
    const ECHO = `http://127.0.0.1:${(echo.address() as { port: number }).port}/`
    try {
      await start(body, `{ propagateTo: ["example.com"] }`, { miniflare: { bindings: { ECHO } } })
      expect(await worker.get("/")).toBe("undefined")
      await worker.dispose()
      await start(body, `{ propagateTo: ["example.com", /127\\.0/] }`, { miniflare: { bindings: { ECHO } } })
      expect(await worker.get("/")).toMatch(/^00-/)
    } finally {
      echo.close()
    }
  })

  test("B3 in and out, by the environment's word", async () => {
    await start("", "{}", { miniflare: { bindings: { OTEL_PROPAGATORS: "b3" } } })
    await worker.get("/", { headers: { b3: `${"a".repeat(32)}-${"b".repeat(16)}-1` } })
    expect((await worker.spans(1))[0]).toMatchObject({ traceId: "a".repeat(32), parentSpanId: "b".repeat(16) })
  })

  test("on a clock that stands still, zero is marked as not known, and siblings have their order", async () => {
    await start(`for (const name of ["one", "two", "three"]) tracer.startSpan(name).finish()`, "{}")
    await worker.get("/")
    const spans = (await worker.spans(4)).filter((span) => span.kind === "internal")
    const inOrder = [...spans].sort((a, b) => Number(a.attributes["antifreeze.order"]) - Number(b.attributes["antifreeze.order"]))
    expect(inOrder.map((span) => span.name)).toEqual(["one", "two", "three"])
    for (const span of spans.filter((each) => each.durationUs === 0)) expect(span.attributes["antifreeze.clock"]).toBe("frozen")
  })

  test("nothing at all when it is disabled", async () => {
    await start("", "{}", { miniflare: { bindings: { OTEL_SDK_DISABLED: "true" } } })
    expect(await worker.get("/")).toBe("ok")
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(worker.collector.batches).toHaveLength(0)
  })
})

describe("Cloudflare's own trace, as a double: untested against the real thing", () => {
  const source = `
    import { withTracing } from "antifreeze"
    const traced = withTracing({ fetch: () => new Response("ok") })
    const native = { traceId: "e".repeat(32), spanId: "f".repeat(16), traceFlags: 1 }
    const tracing = { getActiveSpan: () => ({ spanContext: () => native }) }
    export default { fetch: (request, env, ctx) => traced.fetch(request, env, { waitUntil: (task) => ctx.waitUntil(task), tracing }) }`

  test("is joined, and a caller's trace wins over it", async () => {
    worker = await startWorker({ source })
    await worker.get("/")
    expect((await worker.spans(1))[0]).toMatchObject({ traceId: "e".repeat(32), parentSpanId: "f".repeat(16) })
    worker.collector.clear()
    await worker.get("/", { headers: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` } })
    expect((await worker.spans(1))[0]).toMatchObject({ traceId: "a".repeat(32), parentSpanId: "b".repeat(16) })
  })
})
