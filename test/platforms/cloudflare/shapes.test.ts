import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { startWorker, type Worker } from "./_worker.ts"

let worker: Worker
let origin: Server
let ORIGIN: string
beforeAll(async () => {
  origin = createServer((request, response) => response.end(String(request.headers["traceparent"]))).listen(0, "127.0.0.1")
  await new Promise((resolve) => origin.once("listening", resolve))
  ORIGIN = `http://127.0.0.1:${(origin.address() as AddressInfo).port}/`
})
afterEach(() => worker?.dispose())
afterAll(() => origin.close())

const names = (of: Worker) => of.collector.spans.map((span) => span.name).sort()

test("a Pages function", async () => {
  const source = `
    import { withTracing } from "antifreeze"
    const onRequest = withTracing(async (context) => { context.waitUntil(context.env.KV.put("a", "b")); return new Response(context.params.id) })
    export default { fetch: (request, env, ctx) => onRequest({ request, env, params: { id: "7" }, waitUntil: (task) => ctx.waitUntil(task), next() {} }) }`
  worker = await startWorker({ source, miniflare: { kvNamespaces: ["KV"] } })
  expect(await worker.get("/")).toBe("7")
  await worker.spans(2)
  expect(names(worker)).toEqual(["GET", "put KV"])
  expect(worker.collector.batches).toHaveLength(1)
})

test("a WorkerEntrypoint as the default export", async () => {
  const source = `
    import { WorkerEntrypoint } from "cloudflare:workers"
    import { withTracing } from "antifreeze"
    export default withTracing(class extends WorkerEntrypoint {
      #answer = "private"
      async fetch(request) { this.ctx.waitUntil(this.env.KV.get("later")); return new Response(this.#answer + this.inner()) }
      inner() { return "!" }
    })`
  worker = await startWorker({ source, miniflare: { kvNamespaces: ["KV"] } })
  expect(await worker.get("/")).toBe("private!")
  await worker.spans(2)
  expect(names(worker)).toEqual(["GET", "get KV"])
  expect(worker.collector.batches).toHaveLength(1)
})

test("a Durable Object without a base class, and one with blockConcurrencyWhile in its constructor", async () => {
  const source = `
    import { DurableObject } from "cloudflare:workers"
    import { withTracing } from "antifreeze"
    export const Old = withTracing(class Old { constructor(state, env) { this.state = state } async fetch() { await this.state.storage.put("a", 1); return new Response("old") } })
    export const Eager = withTracing(class Eager extends DurableObject {
      constructor(ctx, env) { super(ctx, env); ctx.blockConcurrencyWhile(async () => { this.value = (await ctx.storage.get("v")) ?? "fresh" }) }
      static kind = "static"
      read() { return this.value + Eager.kind }
    })
    export default withTracing({ async fetch(request, env) {
      const old = await (await env.OLD.get(env.OLD.idFromName("a")).fetch("http://old/")).text()
      return new Response(old + (await env.EAGER.get(env.EAGER.idFromName("a")).read()))
    } })`
  worker = await startWorker({ source, miniflare: { durableObjects: { OLD: "Old", EAGER: "Eager" } } })
  expect(await worker.get("/")).toBe("oldfreshstatic")
  const spans = await worker.spans(6)
  expect(names(worker)).toEqual(expect.arrayContaining(["EAGER/read", "Eager/read", "GET", "put storage"]))
  expect(new Set(spans.filter((span) => span.name === "GET").map((span) => span.traceId)).size).toBe(1)
})

test("handlers of a class with private fields, and what else the export has", async () => {
  const source = `
    import { withTracing } from "antifreeze"
    class App { #n = 41; other = "kept"; fetch() { return new Response(String(++this.#n) + this.other) } }
    const traced = withTracing(new App())
    if (withTracing(traced) !== traced || traced.other !== "kept" || !(traced instanceof App)) throw new Error("changed")
    export default traced`
  worker = await startWorker({ source })
  expect(await worker.get("/")).toBe("42kept")
  expect(await worker.spans(1)).toHaveLength(1)
})

test("without AsyncLocalStorage, beyond an await: the explicit parent", async () => {
  const source = `
    import { rootSpan, tracer, withTracing } from "antifreeze"
    export default withTracing({ async fetch(request, env) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      const lost = await (await fetch(env.ORIGIN)).text()
      const kept = await tracer.startActiveSpan("work", { childOf: rootSpan(request) }, async () => (await fetch(env.ORIGIN)).text())
      return Response.json([lost, kept])
    } })`
  worker = await startWorker({ source, flags: ["no_nodejs_compat"], miniflare: { bindings: { ORIGIN } } })
  const answers = await Promise.all(Array.from({ length: 20 }, async () => JSON.parse(await worker.get("/")) as string[]))
  const spans = await worker.spans(60)
  for (const [lost, kept] of answers) {
    expect(lost).toBe("undefined")
    const client = spans.find((span) => kept?.includes(span.spanId))
    const work = spans.find((span) => span.spanId === client?.parentSpanId)
    const root = spans.find((span) => span.spanId === work?.parentSpanId)
    expect([client?.kind, work?.name, root?.kind]).toEqual(["client", "work", "server"])
  }
})

test("two copies of antifreeze in one Worker: one root, one span for each call", async () => {
  const source = `
    import * as one from "antifreeze"
    import { withTracing } from "antifreeze/edge"
    export default one.withTracing({ async fetch(request, env) { return new Response(await (await fetch(env.ORIGIN)).text()) } })
    export const unused = withTracing`
  worker = await startWorker({ source, miniflare: { bindings: { ORIGIN } } })
  expect(await worker.get("/")).toMatch(/^00-/)
  expect(await worker.spans(2)).toHaveLength(2)
})
