/** One app in each framework: mounted in one that is mounted in another, with the middleware on all three. */
import { Readable } from "node:stream"
import type { Capture } from "../../src/capture.ts"
import { tracing as express } from "../../src/express.ts"
import { tracing as fastify } from "../../src/fastify.ts"
import { tracing as hono } from "../../src/hono.ts"
import { tracing as koa } from "../../src/koa.ts"
import { client as load } from "./_stores.ts"

export interface Answer {
  statusCode: number
  headers: Record<string, unknown>
  body: string
  isBase64Encoded?: boolean
}
export type Handler = (event: object, context: object) => Promise<Answer>

// biome-ignore lint/suspicious/noExplicitAny: four frameworks, each with an API of its own.
type Any = any

const answer = { accessToken: "CANARY-token", name: "Ada" }
const chunks = () => Readable.from([Buffer.from("streamed "), Buffer.from("CANARY")], { objectMode: false })

/** `traced` is what the middleware gets; without it there is none. */
export const apps: Record<string, (traced?: { capture?: Capture }) => Handler | Promise<Handler>> = {
  express(traced) {
    const express_ = load<Any>("express")
    const [app, api, v1] = [express_(), express_(), express_.Router()]
    for (const each of traced ? [app, api, v1] : []) each.use(express(traced))
    v1.use(express_.json())
    v1.get("/items/:id", (request: Any, response: Any) =>
      response.set("x-answer", "Bearer CANARY-header").send(`item ${request.params.id}`),
    )
    v1.get("/old/:id", (request: Any, response: Any) => response.redirect(301, `/api/v1/items/${request.params.id}`))
    v1.get("/inner", (request: Any, response: Any, next: Any) => {
      request.url = "/items/7"
      v1.handle(request, response, next)
    })
    v1.get("/stream", (_: Any, response: Any) => chunks().pipe(response))
    v1.post("/echo", (_: Any, response: Any) => response.status(201).json(answer))
    api.use("/v1", v1)
    app.use("/api", api)
    return load<Any>("serverless-http")(app)
  },

  koa(traced) {
    const Koa = load<Any>("koa")
    const mount = load<Any>("koa-mount")
    const Router = load<Any>("@koa/router").default ?? load<Any>("@koa/router")
    const [app, api, v1] = [new Koa(), new Koa(), new Koa()]
    for (const each of traced ? [app, api, v1] : []) each.use(koa(traced))
    v1.use(async (context: Any, next: Any) => {
      let text = ""
      if (context.method === "POST") for await (const chunk of context.req) text += chunk
      if (text !== "") context.request.body = JSON.parse(text)
      await next()
    })
    const router = new Router()
    router.get("/items/:id", (context: Any) => {
      context.set("x-answer", "Bearer CANARY-header")
      context.body = `item ${context.params.id}`
    })
    router.get("/old/:id", (context: Any) => {
      context.status = 301
      context.redirect(`/api/v1/items/${context.params.id}`)
    })
    router.get("/inner", (context: Any, next: Any) => {
      context.path = "/items/7"
      return router.routes()(context, next)
    })
    router.get("/stream", (context: Any) => void (context.body = chunks()))
    router.post("/echo", (context: Any) => {
      context.status = 201
      context.body = answer
    })
    v1.use(router.routes())
    api.use(mount("/v1", v1))
    app.use(mount("/api", api))
    return load<Any>("serverless-http")(app)
  },

  async fastify(traced) {
    const app = load<Any>("fastify")()
    if (traced) await app.register(fastify(traced))
    await app.register(
      async (api: Any) => {
        if (traced) await api.register(fastify(traced))
        await api.register(
          async (v1: Any) => {
            if (traced) await v1.register(fastify(traced))
            v1.get("/items/:id", async (request: Any, reply: Any) =>
              reply.header("x-answer", "Bearer CANARY-header").send(`item ${request.params.id}`),
            )
            v1.get("/old/:id", (request: Any, reply: Any) => reply.redirect(`/api/v1/items/${request.params.id}`, 301))
            v1.get("/inner", async () => (await app.inject({ url: "/api/v1/items/7" })).body)
            v1.get("/stream", (_: Any, reply: Any) => reply.send(chunks()))
            v1.post("/echo", async (_: Any, reply: Any) => reply.code(201).send(answer))
          },
          { prefix: "/v1" },
        )
      },
      { prefix: "/api" },
    )
    return load<Any>("@fastify/aws-lambda").default?.(app) ?? load<Any>("@fastify/aws-lambda")(app)
  },

  hono(traced) {
    const { Hono } = load<Any>("hono")
    const [app, api, v1] = [new Hono(), new Hono(), new Hono()]
    for (const each of traced ? [app, api, v1] : []) each.use(hono(traced))
    v1.get("/items/:id", (context: Any) => context.text(`item ${context.req.param("id")}`, 200, { "x-answer": "Bearer CANARY-header" }))
    v1.get("/old/:id", (context: Any) => context.redirect(`/api/v1/items/${context.req.param("id")}`, 301))
    v1.get("/inner", () => app.request("/api/v1/items/7"))
    v1.get("/stream", (context: Any) => context.body(Readable.toWeb(chunks())))
    v1.post("/echo", async (context: Any) => {
      await context.req.json()
      return context.json(answer, 201)
    })
    api.route("/v1", v1)
    app.route("/api", api)
    return load<Any>("hono/aws-lambda").handle(app)
  },
}

/** A request as an HTTP API of API Gateway gives it. */
export function eventFor(path: string, body?: object): object {
  const method = body === undefined ? "GET" : "POST"
  const text = body === undefined ? undefined : JSON.stringify(body)
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: {
      host: "shop.example",
      "x-tenant": "acme",
      authorization: "Bearer CANARY-in",
      ...(text === undefined ? { "content-length": "0" } : { "content-type": "application/json", "content-length": String(text.length) }),
    },
    requestContext: {
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      requestId: "1",
      stage: "$default",
      domainName: "shop.example",
    },
    ...(text !== undefined && { body: text }),
    isBase64Encoded: false,
  }
}
