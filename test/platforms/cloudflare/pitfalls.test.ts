import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { Exchange } from "../../../src/viewer/collector.ts"
import { bundle, raw, startWorker, type Worker, type WorkerOptions } from "./_worker.ts"

let worker: Worker
let origin: Server
let ORIGIN: string
beforeAll(async () => {
  origin = createServer((request, response) => response.end(JSON.stringify(request.headers))).listen(0, "127.0.0.1")
  await new Promise((resolve) => origin.once("listening", resolve))
  ORIGIN = `http://127.0.0.1:${(origin.address() as AddressInfo).port}/`
})
afterEach(() => worker?.dispose())
afterAll(() => {
  origin.close()
  origin.closeAllConnections()
})

const HEAD = `
import { flush, tracer, withTracing } from "antifreeze"
const text = new TextEncoder()
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))`

async function start(source: string, more: Partial<WorkerOptions> = {}): Promise<Worker> {
  const { miniflare = {}, ...rest } = more
  const { bindings = {}, ...others } = miniflare as { bindings?: object }
  worker = await startWorker({ source: `${HEAD}\n${source}`, miniflare: { bindings: { ORIGIN, ...bindings }, ...others }, ...rest })
  return worker
}

const named = (of: Worker, name: string) => of.collector.spans.find((span) => span.name === name)

describe("antifreeze/edge in workerd", () => {
  const source = `
    import { withTracing as small } from "antifreeze/edge"
    export default small({ async fetch(request, env, ctx) {
      const { pathname } = new URL(request.url)
      if (pathname === "/throw") throw new TypeError("broken on purpose")
      ctx.waitUntil(sleep(30).then(() => fetch(env.ORIGIN + "task")))
      return new Response(await (await fetch(env.ORIGIN)).text())
    } })`

  test.each([["nodejs_compat"], ["nodejs_als"]])("a root, its fetches, those of waitUntil too, in one batch: %s", async (flag) => {
    await start(source, { flags: [flag] })
    const { traceparent } = JSON.parse(await worker.get("/"))
    const spans = await worker.spans(3)
    const root = spans.find((span) => span.kind === "server")
    const children = spans.filter((span) => span.kind === "client")
    expect(children.map((span) => span.parentSpanId)).toEqual([root?.spanId, root?.spanId])
    expect(children.map((span) => `00-${span.traceId}-${span.spanId}-03`)).toContain(traceparent)
    expect(worker.collector.batches).toHaveLength(1)
  })

  test("prints nothing when all is well, and one line when the endpoint is dead", async () => {
    let printed = ""
    await start(source, { onPrint: (text) => (printed += text) })
    for (let n = 0; n < 3; n++) await worker.get("/")
    await worker.spans(9)
    expect(printed).toBe("")
    await worker.dispose()
    await start(source, {
      onPrint: (text) => (printed += text),
      miniflare: { bindings: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" } },
    })
    for (let n = 0; n < 3; n++) await worker.get("/")
    for (let n = 0; n < 50 && printed === ""; n++) await new Promise((resolve) => setTimeout(resolve, 100))
    expect(printed).toMatch(/^\[antifreeze\] 3 spans could not be delivered \(.*\)\. They .*\n$/)
  })

  test("a throw stays the runtime's, and marks the root", async () => {
    await start(source)
    expect((await worker.fetch("/throw")).status).toBe(500)
    expect((await worker.spans(1))[0]?.status).toEqual({ code: "error", message: "broken on purpose" })
  })

  test("200 callers with one trace id: every root has its own children", async () => {
    await start(source)
    const traceparent = `00-${"c".repeat(32)}-${"d".repeat(16)}-01`
    await Promise.all(Array.from({ length: 200 }, () => worker.get("/", { headers: { traceparent } })))
    const spans = await worker.spans(600)
    const roots = spans.filter((span) => span.kind === "server")
    expect(roots).toHaveLength(200)
    for (const root of roots) expect(spans.filter((span) => span.parentSpanId === root.spanId)).toHaveLength(2)
  })
})

test("what outlives the answer: spans go out after 20 seconds, the rest when it is done", async () => {
  await start(`
    export default withTracing({ fetch(request, env, ctx) {
      if (request.url.endsWith("/task")) {
        ctx.waitUntil(sleep(23_000).then(() => tracer.startActiveSpan("in task", () => {})))
        return new Response("now")
      }
      return new Response(new ReadableStream({ async start(controller) {
        tracer.startSpan("early").finish()
        for (let n = 0; n < 33; n++) { controller.enqueue(text.encode(".")); await sleep(1_000) }
        controller.close()
      } }))
    } })`)
  const startMs = Date.now()
  const stream = worker.get("/stream")
  await worker.get("/task")
  await worker.collector.waitForSpans((spans) => spans.some(({ attributes }) => attributes["url.path"] === "/task"), 30_000)
  expect(Date.now() - startMs).toBeGreaterThan(19_000)
  expect(named(worker, "in task")).toBeUndefined()
  await worker.collector.waitForSpans((spans) => spans.some(({ name }) => name === "in task"), 30_000)
  // The spans of a body that goes on do not wait for it: workerd would end a task of its length.
  expect(named(worker, "early")).toBeDefined()
  expect(await stream).toBe(".".repeat(33))
  await worker.collector.waitForSpans((spans) => spans.some(({ attributes }) => attributes["url.path"] === "/stream"), 30_000)
  const root = worker.collector.spans.find(({ attributes }) => attributes["url.path"] === "/stream")
  expect(named(worker, "early")?.parentSpanId).toBe(root?.spanId)
  expect(root?.durationUs).toBeGreaterThan(32_000_000)
}, 90_000)

test.each([
  ["with enable_request_signal", ["nodejs_compat", "enable_request_signal"]],
  ["without", ["nodejs_compat"]],
])("a client that leaves before the answer costs no span: %s", async (_, flags) => {
  await start(`export default withTracing({ async fetch() { await sleep(1_000); return new Response("late") } })`, { flags })
  const controller = new AbortController()
  const answer = worker.get("/", { signal: controller.signal }).catch(() => "left")
  await new Promise((resolve) => setTimeout(resolve, 300))
  controller.abort()
  expect(await answer).toBe("left")
  expect(await worker.spans(1)).toHaveLength(1)
})

test("the answer of the endpoint is read to its end, and nothing of the delivery is traced", async () => {
  const bytes = Buffer.alloc(16 * 1024 * 1024, " ")
  let read = 0
  const onRequest = ({ response }: Exchange) => {
    response.on("finish", () => read++)
    response.writeHead(200, { "content-type": "application/json" }).end(bytes)
    return true
  }
  await start(`export default withTracing({ fetch: () => new Response("ok") })`, { collector: { onRequest } })
  for (let n = 0; n < 5; n++) expect(await worker.get("/")).toBe("ok")
  for (let n = 0; n < 50 && read < 5; n++) await new Promise((resolve) => setTimeout(resolve, 100))
  expect(read).toBe(5)
})

test("deliveries use the runtime's own fetch, whatever the program has made of the global one", async () => {
  await start(`
    let calls = 0
    const traced = withTracing({ async fetch(request, env) {
      if (request.url.endsWith("/count")) return new Response(String(calls))
      const native = globalThis.fetch
      globalThis.fetch = (...args) => { calls++; return native(...args) }
      const answers = [fetch(env.ORIGIN), fetch.bind(undefined)(env.ORIGIN), fetch.call(globalThis, env.ORIGIN)]
      await Promise.all(answers.map(async (answer) => (await answer).text()))
      return new Response("ok")
    } })
    export default traced`)
  expect(await worker.get("/")).toBe("ok")
  expect(await worker.spans(4)).toHaveLength(4)
  expect(await worker.get("/count")).toBe("3")
})

test("outside any invocation, and while the module loads, nothing is traced and nothing fails", async () => {
  await start(
    `
    const early = tracer.startSpan("while loading")
    early.finish()
    const traced = withTracing({ fetch: () => new Response("traced") })
    export default { async fetch(request, env, ctx) {
      if (request.url.endsWith("/traced")) return traced.fetch(request, env, ctx)
      const headers = await (await fetch(env.ORIGIN)).json()
      await env.KV.get("x")
      tracer.startActiveSpan("loose", () => {})
      return Response.json([String(tracer.activeSpan), headers.traceparent ?? null])
    } }`,
    { miniflare: { kvNamespaces: ["KV"] } },
  )
  expect(JSON.parse(await worker.get("/"))).toEqual(["null", null])
  expect(await worker.get("/traced")).toBe("traced")
  expect(JSON.parse(await worker.get("/"))).toEqual(["null", null])
  await worker.spans(1)
})

test("flush delivers what has finished so far", async () => {
  await start(`export default withTracing({ async fetch() {
    tracer.startSpan("before").finish()
    await flush()
    await sleep(300)
    return new Response("ok")
  } })`)
  expect(await worker.get("/")).toBe("ok")
  await worker.spans(2)
  expect(worker.collector.batches.map(({ spans }) => spans.map(({ name }) => name))).toEqual([["before"], ["GET"]])
})

test("options made anew for each invocation share one exporter: what it has kept goes out with the next", async () => {
  let posts = 0
  const onRequest = ({ response }: Exchange) => {
    if (++posts > 3) return false
    response.writeHead(503).end()
    return true
  }
  await start(`export default withTracing({ fetch: () => new Response("ok") }, (env) => ({ serviceName: "anew" }))`, {
    collector: { onRequest },
  })
  await worker.get("/one")
  await new Promise((resolve) => setTimeout(resolve, 500))
  await worker.get("/two")
  expect((await worker.spans(2)).map(({ attributes }) => attributes["url.path"]).sort()).toEqual(["/one", "/two"])
})

test("the status of an error outlives the hooks that run after it", async () => {
  await start(
    `export default withTracing({ fetch() { throw new RangeError("broken") } }, { keep: () => true, redact: (key, value) => value })`,
  )
  await raw(worker.url, "/")
  expect((await worker.spans(1))[0]?.status).toEqual({ code: "error", message: "broken" })
})

test("starts are of this day, in a runtime whose timeOrigin is 0", async () => {
  await start(`export default withTracing({ fetch: () => new Response("ok") })`)
  const beforeUs = Date.now() * 1000
  await worker.get("/")
  const [span] = await worker.spans(1)
  expect(span?.startUs).toBeGreaterThanOrEqual(beforeUs)
  expect(span?.startUs).toBeLessThanOrEqual(Date.now() * 1000)
})

test("the sampler of the environment decides on new traces, and a parent's decision is kept", async () => {
  await start(`export default withTracing({ fetch: () => new Response("ok") })`, {
    miniflare: { bindings: { OTEL_TRACES_SAMPLER: "parentbased_always_off" } },
  })
  await worker.get("/new")
  await worker.get("/joined", { headers: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` } })
  expect((await worker.spans(1)).map(({ attributes }) => attributes["url.path"])).toEqual(["/joined"])
})

test.each([
  ["b3multi", /^x-b3-traceid$/],
  ["b3", /^b3$/],
  ["jaeger", /^uber-trace-id$/],
])("carries %s out", async (OTEL_PROPAGATORS, header) => {
  await start(`export default withTracing({ fetch: (request, env) => fetch(env.ORIGIN) })`, {
    miniflare: { bindings: { OTEL_PROPAGATORS } },
  })
  const headers: Record<string, string> = JSON.parse(await worker.get("/"))
  const [name = ""] = Object.keys(headers).filter((each) => header.test(each))
  expect(headers[name]).toContain((await worker.spans(2))[0]?.traceId)
  expect(headers["traceparent"]).toBeUndefined()
})

describe("queues", () => {
  const source = `export default withTracing({
    fetch: async (request, env) => {
      try {
        await env.JOBS.send({ no: "text" }, { contentType: "text" })
      } catch (error) {
        return new Response(error.name)
      }
    },
    async queue(batch) {
      await sleep(50)
      for (const { body, ...message } of batch.messages) void message
      for (const message of batch.messages) {
        if (message.body === "ack") message.ack()
        if (message.body === "retry") message.retry()
        await sleep(5)
      }
      if (batch.messages[0].body === "all") batch.ackAll()
      if (batch.messages[0].body === "none") batch.retryAll()
    } }, { queues: ["JOBS"] })`
  const miniflare = { queueProducers: { JOBS: "jobs" }, queueConsumers: { jobs: { maxBatchTimeout: 0.1, maxRetries: 0 } } }

  test("batches that are consumed at the same time count their messages apart", async () => {
    await start(source, { miniflare })
    const main = await worker.miniflare.getWorker("main")
    const send = (...bodies: string[]) =>
      main.queue(
        "jobs",
        bodies.map((body, index) => ({ id: `${body}-${index}`, timestamp: new Date(), attempts: 1, body })),
      )
    await Promise.all([send("ack", "ack", "retry"), send("retry", "other"), send("all", "all"), send("none", "ack")])
    const counts = (await worker.spans(4)).map(({ attributes }) =>
      ["acked", "retried", "implicit"].map((each) => attributes[`cloudflare.queue.${each}`]).join(),
    )
    expect(counts.sort()).toEqual(["0,1,1", "1,1,0", "2,0,0", "2,1,0"])
  })

  test("a send that is refused ends its span, failed", async () => {
    await start(source, { miniflare })
    expect(await worker.get("/")).toMatch(/Error$/)
    const sent = (await worker.spans(2)).find(({ kind }) => kind === "producer")
    expect(sent?.status.code).toBe("error")
    expect(sent?.attributes["antifreeze.unfinished"]).toBeUndefined()
  })
})

test("a secret is read under a span that does not know it", async () => {
  await start(`export default withTracing({ fetch: async (request, env) => new Response(await env.SECRET.get()) })`, {
    miniflare: { secretsStoreSecrets: { SECRET: { store_id: "s", secret_name: "n" } } },
  })
  const { miniflare } = worker as unknown as {
    miniflare: { getSecretsStoreSecretAPI(name: string): Promise<() => { create(value: string): Promise<unknown> }> }
  }
  await (await miniflare.getSecretsStoreSecretAPI("SECRET"))().create("hush-hush")
  expect(await worker.get("/")).toBe("hush-hush")
  const spans = await worker.spans(2)
  expect(spans.find(({ kind }) => kind === "client")?.status.code).toBe("unset")
  expect(JSON.stringify(spans)).not.toContain("hush-hush")
})

describe("two copies in one Worker, one within the other, are one root and one span for each call", () => {
  const source = (check: string) => `
    import * as one from "./one.mjs"
    import * as two from "./two.mjs"
    const inner = two.withTracing({ async fetch(request, env) {
      await env.KV.get("x")
      return new Response(await (await fetch(env.ORIGIN)).text())
    } })
    ${check}
    export default one.withTracing({ async fetch(...args) {
      await fetch(args[1].ORIGIN)
      return inner.fetch(...args)
    } })`
  const fetches = ["client GET", "client GET", "server GET"]

  test.each([
    ["antifreeze", "antifreeze", ["client GET", "client GET", "client get KV", "server GET"]],
    ["antifreeze/edge", "antifreeze/edge", fetches],
    ["antifreeze", "antifreeze/edge", ["client GET", "client GET", "client get KV", "server GET"]],
    ["antifreeze/edge", "antifreeze", fetches],
  ])("%s around %s", async (outer, within, expected) => {
    const [one, two] = await Promise.all([outer, within].map((name) => bundle(`export * from "${name}"`)))
    const isMarked = outer === "antifreeze" && within === "antifreeze"
    const worker = source(isMarked ? `if (one.withTracing(inner) !== inner) throw new Error("traced twice")` : "")
    const modules = Object.entries({ worker, one, two })
    const { get, spans } = await start("", {
      miniflare: {
        kvNamespaces: ["KV"],
        modules: modules.map(([name, contents]) => ({ type: "ESModule", path: `${name}.mjs`, contents })),
      },
    })
    // The second finds both copies at work.
    for (const count of [1, 2]) {
      const { traceparent } = JSON.parse(await get("/"))
      const found = (await spans(count * expected.length)).slice(-expected.length)
      expect(found.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual(expected)
      const root = found.find(({ kind }) => kind === "server")
      for (const child of found.filter((span) => span !== root)) expect(child.parentSpanId).toBe(root?.spanId)
      expect(found.map(({ spanId }) => spanId)).toContain(traceparent.split("-")[2])
    }
  })
})

test("a Workflow that is put away between two steps and starts over is one trace: the engine is a double", async () => {
  await start(`
    class WorkflowEntrypoint { constructor(ctx, env) { this.ctx = ctx; this.env = env } }
    const Flow = withTracing(class Flow extends WorkflowEntrypoint {
      async run(event, step) {
        const one = await step.do("one", async () => 1)
        return one + (await step.do("two", { retries: { limit: 1 } }, async () => 1))
      }
    })
    const done = new Map()
    export default { async fetch(request, env, ctx) {
      const isFirst = !done.has("one")
      const step = { async do(name, ...rest) {
        if (done.has(name)) return done.get(name)
        if (isFirst && name === "two") return new Promise(() => {})
        done.set(name, await rest.at(-1)())
        return done.get(name)
      } }
      const run = new Flow(ctx, env).run({ instanceId: "i-1", timestamp: new Date(Date.now() - 60_000) }, step)
      return new Response(String(await Promise.race([run, sleep(100).then(() => "away")])))
    } }`)
  expect([await worker.get("/"), await worker.get("/")]).toEqual(["away", "2"])
  const spans = await worker.spans(3)
  expect(spans.map(({ name }) => name).sort()).toEqual(["Flow run", "one", "two"])
  const run = named(worker, "Flow run")
  for (const name of ["one", "two"]) expect(named(worker, name)).toMatchObject({ traceId: run?.traceId, parentSpanId: run?.spanId })
  expect(run?.durationUs).toBeGreaterThan(60_000_000)
  expect(worker.collector.batches.length).toBeGreaterThanOrEqual(2)
})

test("an object that only looks like a binding is left alone", async () => {
  await start(`
    class Shelf { get() { return "got" } list() {} delete() {} put() {} send() {} fetch() {} }
    const shelf = new Shelf()
    const traced = withTracing({ fetch: (request, env) => Response.json([env.SHELF.get(), Object.hasOwn(Shelf.prototype, "get")]) })
    const before = Shelf.prototype.get
    export default { async fetch(request, env, ctx) {
      const answer = await traced.fetch(request, { ...env, SHELF: shelf }, ctx)
      return new Response(await answer.text() + (Shelf.prototype.get === before))
    } }`)
  expect(await worker.get("/")).toBe('["got",true]true')
  expect(await worker.spans(1)).toHaveLength(1)
})

describe("RPC", () => {
  const source = `
    import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers"
    let disposed = 0
    class Counter extends RpcTarget {
      #n = 0
      next() { return ++this.#n }
      [Symbol.dispose]() { disposed++ }
    }
    export const Entry = withTracing(class Entry extends WorkerEntrypoint {
      counter() {
        // The runtime disposes of nothing for a callee that has ended, and a delivery makes it stay: here both stay.
        this.ctx.waitUntil(sleep(300))
        return new Counter()
      }
      stream() { return new Response("streamed").body }
      call(fn) { return fn("back") }
      disposed() { return disposed }
      add(a, b) { return a + b }
    })
    export default withTracing({ async fetch(request, env) {
      const kinds = [typeof env.SERVICE.add, typeof env.SERVICE.counter()[Symbol.dispose]]
      const counter = await env.SERVICE.counter()
      const counts = [await counter.next(), await counter.next(), await env.SERVICE.counter().next()]
      counter[Symbol.dispose]()
      await sleep(50)
      const streamed = await new Response(await env.SERVICE.stream()).text()
      const called = await env.SERVICE.call((word) => word + "!")
      const applied = []
      for (const apply of [() => env.SERVICE.add.call(env.SERVICE, 1, 2), () => env.SERVICE.add.apply(env.SERVICE, [3, 4]), () => env.SERVICE.add.bind(env.SERVICE)(5, 6)])
        try { applied.push(await apply()) } catch (error) { applied.push(String(error)) }
      return Response.json([kinds, counts, streamed, called, applied, await env.SERVICE.disposed()])
    } })`

  test("stubs, disposers, streams, functions, call, apply and bind are as in the untraced twin", async () => {
    const miniflare = { serviceBindings: { SERVICE: { name: "main", entrypoint: "Entry" } } }
    const answer = await (await start(source, { miniflare })).fetch("/")
    const traced = [answer.status, await answer.text()]
    await worker.dispose()
    const twin = await (await start(source, { miniflare, bare: true })).fetch("/")
    expect(traced).toEqual([twin.status, await twin.text()])
    expect(traced[0]).toBe(200)
  })
})
