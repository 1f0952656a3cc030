import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type CaptureOptions, capture } from "../../src/capture.ts"
import type { SpanRecord } from "../../src/core/contracts.ts"
import { tracing as express } from "../../src/express.ts"
import { tracing as fastify } from "../../src/fastify.ts"
import { tracing as hono } from "../../src/hono.ts"
import { tracing as koa } from "../../src/koa.ts"
import { withTracing } from "../../src/platforms/lambda/with-tracing.ts"
import { span, tracedFunction } from "../../src/platforms/node/helpers.ts"
import { tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"

interface Answer {
  statusCode: number
  headers: Record<string, unknown>
  body: string
}
type Handler = (event: object, context: object) => Promise<Answer>

// biome-ignore lint/suspicious/noExplicitAny: four frameworks, each with an API of its own.
type Any = any
const serverless = load<Any>("serverless-http")
const spans: SpanRecord[] = []
const exporter = {
  export(batch: readonly SpanRecord[]) {
    spans.push(...batch)
    return Promise.resolve({ delivered: batch.length, dropped: 0, kept: 0 })
  },
}
const asked: CaptureOptions = { requestHeaders: ["X-Asked", "Authorization"], responseHeaders: ["x-answer", "set-cookie"] }
const options = { capture: capture(asked) }
const work = tracedFunction(async () => "worked", "work")

/** The same app in each framework, with the middleware on the app and on what is mounted in it. */
const apps: Record<string, (traced: boolean) => Handler | Promise<Handler>> = {
  express(traced) {
    const express_ = load<Any>("express")
    const app = express_()
    const users = express_.Router()
    if (traced) app.use(express(options))
    if (traced) users.use(express(options))
    users.get("/:id", async (request: Any, response: Any) => response.set("x-answer", "1").send(`${await work()} ${request.params.id}`))
    users.get("/old/:id", (_: Any, response: Any) => response.redirect(302, "/users/7"))
    users.get("/broken/:id", () => Promise.reject(new Error("broken")))
    app.use("/users", users)
    app.get("/again/:id", (request: Any, response: Any) => {
      request.url = `/users/${request.params.id}`
      app.handle(request, response)
    })
    app.use((_error: Any, _: Any, response: Any, _next: Any) => response.status(500).send("sorry"))
    return serverless(app)
  },
  koa(traced) {
    const app = new (load<Any>("koa"))()
    const mounted = new (load<Any>("koa"))()
    const router = new (load<Any>("@koa/router").default ?? load<Any>("@koa/router"))({ prefix: "/users" })
    app.silent = true
    if (traced) app.use(koa(options))
    if (traced) mounted.use(koa(options))
    router.get("/:id", async (context: Any) => {
      context.set("x-answer", "1")
      context.body = `${await work()} ${context.params.id}`
    })
    router.get("/old/:id", (context: Any) => context.redirect("/users/7"))
    router.get("/broken/:id", () => Promise.reject(new Error("broken")))
    mounted.use(router.routes())
    app.use(load<Any>("koa-mount")(mounted))
    return serverless(app)
  },
  async fastify(traced) {
    const app = load<Any>("fastify")()
    if (traced) await app.register(fastify(options))
    await app.register(
      async (users: Any) => {
        if (traced) await users.register(fastify(options))
        users.get("/:id", async (request: Any, reply: Any) => reply.header("x-answer", "1").send(`${await work()} ${request.params.id}`))
        users.get("/old/:id", (_: Any, reply: Any) => reply.redirect("/users/7", 302))
        users.get("/broken/:id", () => Promise.reject(new Error("broken")))
      },
      { prefix: "/users" },
    )
    return load<Any>("@fastify/aws-lambda").default?.(app) ?? load<Any>("@fastify/aws-lambda")(app)
  },
  hono(traced) {
    const { Hono } = load<Any>("hono")
    const { handle } = load<Any>("hono/aws-lambda")
    const app = new Hono()
    const users = new Hono()
    if (traced) app.use(hono(options))
    if (traced) users.use(hono(options))
    users.get("/:id", async (context: Any) => context.text(`${await work()} ${context.req.param("id")}`, 200, { "x-answer": "1" }))
    users.get("/old/:id", (context: Any) => context.redirect("/users/7", 302))
    users.get("/broken/:id", () => Promise.reject(new Error("broken")))
    app.route("/users", users)
    app.onError((_: Error, context: Any) => context.text("sorry", 500))
    return handle(app)
  },
}

const event = (path: string) => ({
  version: "2.0",
  routeKey: "$default",
  rawPath: path,
  rawQueryString: "",
  headers: { host: "shop.example", "x-asked": "yes", authorization: "Bearer Tr0ub4dor&3", "content-length": "0" },
  requestContext: {
    http: { method: "GET", path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
    requestId: "1",
    stage: "$default",
    domainName: "shop.example",
  },
  isBase64Encoded: false,
})
let requests = 0

describe.each(Object.keys(apps))("%s", (name) => {
  let handler: Handler
  let bare: Handler
  beforeAll(async () => {
    bare = (await apps[name]?.(false)) as Handler
    const app = (await apps[name]?.(true)) as Handler
    handler = withTracing(
      async (...args: Parameters<Handler>) => {
        const answer = await app(...args)
        // The scope of the request is left by now.
        span("after", () => {})
        return answer
      },
      { exporter },
    )
  })

  async function run(path: string) {
    spans.length = 0
    const context = () => ({ awsRequestId: `${name}-${++requests}`, functionName: "shop", getRemainingTimeInMillis: () => 3000 })
    const answer = await handler(event(path), context())
    const { statusCode, body } = await bare(event(path), context())
    expect([answer.statusCode, answer.body]).toEqual([statusCode, body])
    const root = spans.find(({ parentSpanId }) => parentSpanId === undefined)
    const named = (operationName: string) => spans.filter((span) => span.operationName === operationName && span !== root)
    expect(named("after").map(({ parentSpanId }) => parentSpanId)).toEqual([root?.spanId])
    expect(JSON.stringify(spans.map(({ tags }) => [...tags]))).not.toContain("Tr0ub4dor")
    return { root, named, requests: spans.filter((span) => span !== root && tagsOf(span)["url.path"] === path) }
  }

  it("makes one span of a request to a mounted app, names it and the invocation, and is the parent of what happens in it", async () => {
    const { root, requests, named } = await run("/users/3")
    expect(requests.map(tagsOf)).toEqual([
      {
        "span.kind": "internal",
        "http.request.method": "GET",
        "url.path": "/users/3",
        "http.request.header.x-asked": ["yes"],
        "http.request.header.authorization": ["REDACTED"],
        "http.response.status_code": 200,
        "http.response.header.x-answer": ["1"],
        "http.route": "/users/:id",
        ...(name === "hono" ? {} : { "http.response.body.size": 8 }),
      },
    ])
    expect([requests[0]?.operationName, root?.operationName, tagsOf(root)["http.route"]]).toEqual([
      "GET /users/:id",
      "GET /users/:id",
      "/users/:id",
    ])
    expect(named("work").map(({ parentSpanId }) => parentSpanId)).toEqual([requests[0]?.spanId])
  })

  it("leaves one scope and the right status behind when a mounted app redirects", async () => {
    for (let at = 0; at < 2; at++) {
      const { requests } = await run("/users/old/7")
      expect(requests.map((span) => [span.operationName, tagsOf(span)["http.response.status_code"]])).toEqual([["GET /users/old/:id", 302]])
    }
  })

  it("tells of a handler that fails", async () => {
    const { requests } = await run("/users/broken/1")
    expect(requests.map(tagsOf)).toMatchObject([{ error: true, "http.response.status_code": 500, "http.route": "/users/broken/:id" }])
  })

  it("keeps 20 concurrent requests apart", async () => {
    spans.length = 0
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        handler(event(`/users/${at}`), { awsRequestId: `${name}-c${at}`, functionName: "shop", getRemainingTimeInMillis: () => 3000 }),
      ),
    )
    const work = spans.filter(({ operationName }) => operationName === "work")
    expect(new Set(work.map(({ traceId }) => traceId)).size).toBe(20)
    for (const { traceId, parentSpanId } of work) expect(spans.find(({ spanId }) => spanId === parentSpanId)?.traceId).toBe(traceId)
  })

  if (name === "express") {
    it("makes one span of a request that is handed to the app once more", async () => {
      const { requests } = await run("/again/5")
      expect(requests).toHaveLength(1)
    })
  }
})

afterAll(() => void spans.splice(0))
