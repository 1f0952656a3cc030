import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { ReceivedSpan } from "../../../src/viewer/collector.ts"
import { raw, startWorker, type Worker } from "./_worker.ts"

const SOURCE = `
import { withTracing, tracer, rootSpan } from "antifreeze"
const text = new TextEncoder()
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const stream = (ctx) => new ReadableStream({ async start(c) { for (let i = 0; i < 4; i++) { c.enqueue(text.encode("part" + i + ";")); await sleep(40) } c.close() } })
const routes = {
  "/text": () => new Response("hello", { headers: { "x-own": "1" } }),
  "/status": () => new Response("gone", { status: 503 }),
  "/throw": () => { throw new TypeError("broken on purpose") },
  "/stream": () => new Response(stream()),
  "/fail-stream": () => new Response(new ReadableStream({ async pull(c) { await sleep(20); c.error(new Error("source broke")) } })),
  "/endless": () => new Response(new ReadableStream({ async pull(c) { await sleep(20); c.enqueue(text.encode("x".repeat(20000))) } })),
  "/fixed": async (req, env) => fetch(env.ORIGIN + "/fixed"),
  "/copied": async (req, env) => { const r = await fetch(env.ORIGIN + "/fixed"); return new Response(r.body, r) },
  "/gzip": async (req, env) => fetch(env.ORIGIN + "/gzip"),
  "/null": () => new Response(null, { status: 204 }),
  "/socket": () => { const [a, b] = Object.values(new WebSocketPair()); b.accept(); b.addEventListener("message", (e) => b.send("echo " + e.data)); return new Response(null, { status: 101, webSocket: a }) },
  "/child": async (req, env) => { const r = await fetch(env.ORIGIN + "/echo", { method: "POST", body: "b", headers: { "x-user": "u" } }); return new Response(await r.text()) },
  "/request": async (req, env) => { const r = await fetch(new Request(env.ORIGIN + "/echo", { method: "PUT", body: "bb", headers: { "x-user": "u" } })); return new Response(await r.text()) },
  "/taken": async (req, env) => { const r = await fetch(env.ORIGIN + "/echo", { headers: { traceparent: "00-11111111111111111111111111111111-2222222222222222-01" } }); return new Response(await r.text()) },
  "/refused": async () => { try { await fetch("http://127.0.0.1:1/") } catch (e) { return new Response("caught " + e.message) } return new Response("?") },
  "/task": (req, env, ctx) => { ctx.waitUntil((async () => { await sleep(60); await tracer.startActiveSpan("in task", () => sleep(10)) })()); return new Response("now") },
  "/late": (req, env, ctx) => { ctx.waitUntil(sleep(20)); (async () => { await sleep(60); await tracer.startActiveSpan("late", () => sleep(1)) })(); ctx.waitUntil.call; return new Response(stream()) },
  "/destructured": (req, env, ctx) => { const { waitUntil } = ctx; try { waitUntil(sleep(1)); return new Response("no error") } catch (e) { return new Response(String(e)) } },
  "/context": (req, env, ctx) => new Response(JSON.stringify({ own: Object.keys(ctx).includes("waitUntil"), name: ctx.constructor.name, fetchLength: fetch.length, fetchName: fetch.name })),
  "/foreign-this": () => { try { const o = { fetch }; o.fetch("http://127.0.0.1:1/").catch(() => {}); return new Response("ok") } catch (e) { return new Response(e.name + ": " + e.message) } },
  "/root": (req, env, ctx) => new Response(String(rootSpan(ctx) === tracer.activeSpan && rootSpan(req) === tracer.activeSpan)),
}
export default withTracing({ fetch(req, env, ctx) { return routes[new URL(req.url).pathname](req, env, ctx) } })
`

let origin: Server
let originUrl: string
let worker: Worker

beforeAll(async () => {
  origin = createServer((request, response) => {
    if (request.url === "/fixed") response.setHeader("content-length", 10).end("0123456789")
    else if (request.url === "/gzip")
      response.setHeader("content-encoding", "gzip").end(Buffer.from("H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==", "base64"))
    else response.end(JSON.stringify({ method: request.method, headers: request.headers }))
  }).listen(0, "127.0.0.1")
  await new Promise((resolve) => origin.once("listening", resolve))
  originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  worker = await startWorker({ source: SOURCE, flags: ["nodejs_compat"], miniflare: { bindings: { ORIGIN: originUrl } } })
})
afterAll(async () => {
  await worker?.dispose()
  origin?.close()
})
beforeEach(() => worker.collector.clear())

const attributes = (span: ReceivedSpan | undefined) => span?.attributes ?? {}
const rootOf = (spans: readonly ReceivedSpan[]) => spans.find((span) => span.kind === "server")
const ms = (span: ReceivedSpan | undefined) => (span?.durationUs ?? 0) / 1000

describe("a fetch handler in workerd", () => {
  test("has a root span with what the request and the answer say, delivered once", async () => {
    expect(await worker.get("/text?a=1&sig=secret", { headers: { "user-agent": "tester" } })).toBe("hello")
    const [span] = await worker.spans(1)
    expect(span).toMatchObject({ name: "GET", kind: "server", parentSpanId: undefined })
    expect(attributes(span)).toMatchObject({
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "url.path": "/text",
      "url.query": "a=1&sig=REDACTED",
      "url.scheme": "http",
      "server.address": "127.0.0.1",
      "user_agent.original": "tester",
      "faas.trigger": "http",
    })
    expect(worker.collector.batches).toHaveLength(1)
  })

  test("joins the caller's trace", async () => {
    await worker.get("/text", { headers: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: "x=1" } })
    const [span] = await worker.spans(1)
    expect(span).toMatchObject({ traceId: "a".repeat(32), parentSpanId: "b".repeat(16), parentIsRemote: true, traceState: "x=1" })
  })

  test("records nothing when the caller does not sample", async () => {
    await worker.get("/child", { headers: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-00` } })
    await worker.get("/text")
    expect(await worker.spans(1)).toHaveLength(1)
  })

  test("marks a 5xx answer and a throw as failed, and the throw stays the runtime's", async () => {
    await worker.get("/status")
    expect((await worker.spans(1))[0]?.status.code).toBe("error")
    worker.collector.clear()
    expect((await worker.fetch("/throw")).status).toBe(500)
    const [span] = await worker.spans(1)
    expect(span?.status).toEqual({ code: "error", message: "broken on purpose" })
    expect(span?.events[0]?.attributes["exception.type"]).toBe("TypeError")
  })

  test("ends the root span when a streamed body ends", async () => {
    expect(await worker.get("/stream")).toBe("part0;part1;part2;part3;")
    expect(ms(rootOf(await worker.spans(1)))).toBeGreaterThan(100)
    expect(worker.collector.batches).toHaveLength(1)
  })

  test("ends the root span with the error of a body that fails", async () => {
    await raw(worker.url, "/fail-stream").catch(() => {})
    expect((await worker.spans(1))[0]?.status).toEqual({ code: "error", message: "source broke" })
  })

  test("ends the root span when the client disconnects", async () => {
    const controller = new AbortController()
    const response = await worker.fetch("/endless", { signal: controller.signal })
    await response.body?.getReader().read()
    controller.abort()
    const [span] = await worker.spans(1)
    expect(attributes(span)["antifreeze.disconnected"]).toBe(true)
    expect(span?.status.code).toBe("unset")
  })

  test("lets a WebSocket through", async () => {
    const socket = new WebSocket(new URL("/socket", worker.url.replace("http", "ws")))
    await new Promise((resolve) => socket.addEventListener("open", resolve))
    const answer = new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)))
    socket.send("hi")
    expect(await answer).toBe("echo hi")
    socket.close()
    expect(attributes((await worker.spans(1))[0])["http.response.status_code"]).toBe(101)
  })

  test.each(["/child", "/request"])(
    "makes a child span of a fetch and carries the trace to it, keeping the caller's headers: %s",
    async (path) => {
      const { method, headers } = JSON.parse(await worker.get(path))
      const spans = await worker.spans(2)
      const [child, root] = [spans.find((span) => span.kind === "client"), rootOf(spans)]
      expect(child).toMatchObject({ name: method, traceId: root?.traceId, parentSpanId: root?.spanId })
      expect(attributes(child)).toMatchObject({
        "http.request.method": method,
        "url.full": `${originUrl}/echo`,
        "server.address": "127.0.0.1",
        "http.response.status_code": 200,
      })
      expect(headers).toMatchObject({ "x-user": "u", traceparent: `00-${child?.traceId}-${child?.spanId}-03` })
    },
  )

  test("leaves a traceparent that the caller has set", async () => {
    expect(JSON.parse(await worker.get("/taken")).headers.traceparent).toBe("00-11111111111111111111111111111111-2222222222222222-01")
    await worker.spans(2)
  })

  test("marks a refused connection, and the error reaches the caller", async () => {
    expect(await worker.get("/refused")).toContain("caught ")
    expect((await worker.spans(2)).find((span) => span.kind === "client")?.status.code).toBe("error")
  })

  test("waits for the tasks of waitUntil: one batch with all", async () => {
    expect(await worker.get("/task")).toBe("now")
    const spans = await worker.spans(2)
    expect(spans.find((span) => span.name === "in task")?.parentSpanId).toBe(rootOf(spans)?.spanId)
    expect(worker.collector.batches).toHaveLength(1)
  })

  test("gives the root span for a request and for its context", async () => {
    expect(await worker.get("/root")).toBe("true")
    await worker.spans(1)
  })

  test("leaves no request to another: 200 concurrent callers with one trace id", async () => {
    const traceparent = `00-${"c".repeat(32)}-${"d".repeat(16)}-01`
    await Promise.all(Array.from({ length: 200 }, () => worker.get("/child", { headers: { traceparent } })))
    const spans = await worker.spans(400)
    const roots = spans.filter((span) => span.kind === "server")
    expect(roots).toHaveLength(200)
    for (const root of roots) expect(spans.filter((span) => span.parentSpanId === root.spanId)).toHaveLength(1)
    expect(worker.collector.batches).toHaveLength(200)
  })
})

describe("an untraced twin", () => {
  let twin: Worker
  beforeAll(async () => {
    twin = await startWorker({ source: SOURCE, bare: true, miniflare: { bindings: { ORIGIN: originUrl } } })
  })
  afterAll(() => twin?.dispose())

  test.each([
    "/text",
    "/status",
    "/stream",
    "/fixed",
    "/copied",
    "/gzip",
    "/null",
    "/refused",
    "/destructured",
    "/context",
    "/foreign-this",
  ])("answers with the same bytes, headers and framing: %s", async (path) => {
    const expected = await raw(twin.url, path)
    const { headers, ...answer } = await raw(worker.url, path)
    expect(answer).toEqual({ ...expected, headers: undefined })
    expect(headers.filter((each) => !each.startsWith("date:"))).toEqual(expected.headers.filter((each) => !each.startsWith("date:")))
    expect((await worker.spans(1)).length).toBeGreaterThan(0)
  })

  test("answers HEAD in the same way", async () => {
    expect(await raw(worker.url, "/stream", "HEAD")).toEqual(await raw(twin.url, "/stream", "HEAD"))
  })
})

describe.each([
  ["nodejs_compat", ["nodejs_compat"], 2],
  ["nodejs_als", ["nodejs_als"], 2],
  ["neither", ["no_nodejs_compat"], 2],
])("with %s", (_, flags, wanted) => {
  let other: Worker
  beforeAll(async () => {
    other = await startWorker({ source: SOURCE, flags, miniflare: { bindings: { ORIGIN: originUrl } } })
  })
  afterAll(() => other?.dispose())

  test("a fetch is a child of the request", async () => {
    await other.get("/child")
    const spans = await other.spans(wanted)
    expect(spans.find((span) => span.kind === "client")?.parentSpanId).toBe(rootOf(spans)?.spanId)
  })
})

test("delivers one root span when the client leaves, also where the request's signal tells", async () => {
  const other = await startWorker({ source: SOURCE, flags: ["nodejs_compat", "enable_request_signal"] })
  try {
    const controller = new AbortController()
    const response = await other.fetch("/endless", { signal: controller.signal })
    await response.body?.getReader().read()
    controller.abort()
    const spans = await other.spans(1)
    expect(spans).toHaveLength(1)
    expect(spans[0]?.attributes["antifreeze.disconnected"]).toBe(true)
  } finally {
    await other.dispose()
  }
})
