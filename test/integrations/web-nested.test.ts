import { beforeAll, describe, expect, it } from "vitest"
import { capture } from "../../src/capture.ts"
import type { SpanRecord } from "../../src/core/contracts.ts"
import { withTracing } from "../../src/platforms/lambda/with-tracing.ts"
import { span } from "../../src/platforms/node/helpers.ts"
import { tagsOf } from "./_recording.ts"
import { type Answer, apps, eventFor, type Handler } from "./_web-apps.ts"

const spans: SpanRecord[] = []
const exporter = {
  export(batch: readonly SpanRecord[]) {
    spans.push(...batch)
    return Promise.resolve({ delivered: batch.length, dropped: 0, kept: 0 })
  },
}
const everything = {
  requestHeaders: ["X-Tenant", "Authorization"],
  responseHeaders: ["x-answer", "content-type"],
  requestBody: true,
  responseBody: true,
}
let requests = 0
const contextOf = () => ({ awsRequestId: `nested-${++requests}`, functionName: "shop", getRemainingTimeInMillis: () => 3_000 })

/** What is captured stands on the spans of the framework here, and not on the invocation's: there the last call counts. */
const asked = capture(everything)
capture({})

describe.each(Object.keys(apps))("%s, nested three deep", (name) => {
  let bare: Handler
  let plain: Handler
  let captured: Handler
  beforeAll(async () => {
    const make = apps[name] as (typeof apps)[string]
    bare = await make()
    plain = traced(await make({}))
    captured = traced(await make({ capture: asked }))
  })

  function traced(app: Handler): Handler {
    const follows = async (event: object, context: object): Promise<Answer> => {
      let answer = await app(event, context)
      // A client within the function, which does what a browser does.
      const { location } = answer.headers
      if (answer.statusCode === 301) answer = await app(eventFor(String(location)), context)
      span("after", () => {})
      return answer
    }
    return withTracing(follows, { exporter }) as Handler
  }

  async function run(handler: Handler, path: string, body?: object) {
    spans.length = 0
    const answer = await handler(eventFor(path, body), contextOf())
    const root = spans.find(({ parentSpanId }) => parentSpanId === undefined)
    const [after] = spans.filter(({ operationName }) => operationName === "after")
    // Whatever happened in the app, the scope of the invocation is the active one again.
    expect(after?.parentSpanId).toBe(root?.spanId)
    const found = spans.filter((each) => each !== root && each !== after).sort((a, b) => a.startUs - b.startUs)
    return { answer, root, found, text: Buffer.from(answer.body, answer.isBase64Encoded ? "base64" : "utf8").toString() }
  }

  it("makes one span, with the route through all of them, the status and the size", async () => {
    const { root, found, text } = await run(plain, "/api/v1/items/3")
    expect(text).toBe("item 3")
    expect(found.map((each) => [each.operationName, each.parentSpanId])).toEqual([["GET /api/v1/items/:id", root?.spanId]])
    expect(tagsOf(found[0])["http.response.status_code"]).toBe(200)
    expect(tagsOf(found[0])["http.response.body.size"]).toBe(name === "hono" ? undefined : 6)
    expect(Object.keys(tagsOf(found[0])).filter((key) => /header|content/.test(key))).toEqual([])
    expect(root?.operationName).toBe("GET /api/v1/items/:id")
  })

  it("makes a span of each request when the function itself follows a redirect, both children of the invocation", async () => {
    for (let time = 0; time < 2; time++) {
      const { root, found, text } = await run(plain, "/api/v1/old/5")
      expect(text).toBe("item 5")
      const seen = found.map((each) => [each.operationName, tagsOf(each)["http.response.status_code"], each.parentSpanId])
      expect(seen).toEqual([
        ["GET /api/v1/old/:id", 301, root?.spanId],
        ["GET /api/v1/items/:id", 200, root?.spanId],
      ])
    }
  })

  it("keeps its scope when the app hands a request on within itself", async () => {
    const { root, found, text } = await run(plain, "/api/v1/inner")
    expect(text).toBe("item 7")
    const [outer, inner] = found
    expect([outer?.parentSpanId, tagsOf(outer)["http.response.status_code"]]).toEqual([root?.spanId, 200])
    // The same request is one span; one that the framework makes anew is a child of the first.
    if (name === "fastify" || name === "hono") expect([inner?.parentSpanId, found.length]).toEqual([outer?.spanId, 2])
    else expect(found).toHaveLength(1)
  })

  it("tells of what no route has: 404, no error, no route", async () => {
    const { found } = await run(plain, "/api/v1/nowhere")
    const { "http.route": none, "http.response.status_code": status, error } = tagsOf(found[0])
    expect([found.length, status, error, none]).toEqual([1, 404, undefined, undefined])
  })

  it("keeps 20 concurrent requests apart, redirected ones among them", async () => {
    spans.length = 0
    const paths = Array.from({ length: 20 }, (_, at) => (at % 2 ? `/api/v1/old/${at}` : `/api/v1/items/${at}`))
    const answers = await Promise.all(paths.map((path) => plain(eventFor(path), contextOf())))
    expect(answers.map(({ body }) => body)).toEqual(paths.map((_, at) => `item ${at}`))
    const roots = new Map(spans.filter((each) => each.parentSpanId === undefined).map((each) => [each.traceId, each]))
    expect(roots.size).toBe(20)
    for (const each of spans) if (each.parentSpanId !== undefined) expect(each.parentSpanId).toBe(roots.get(each.traceId)?.spanId)
  })

  it("captures what was asked for, masked, and once", async () => {
    const { found, answer } = await run(captured, "/api/v1/echo", { password: "CANARY-password", name: "Ada" })
    expect(answer.statusCode).toBe(201)
    expect(JSON.parse(answer.body)).toEqual({ accessToken: "CANARY-token", name: "Ada" })
    expect(found).toHaveLength(1)
    expect(tagsOf(found[0])).toMatchObject({
      "http.request.header.x-tenant": ["acme"],
      "http.request.header.authorization": ["REDACTED"],
      "http.request.body.content": '{"password":"REDACTED","name":"Ada"}',
      "http.response.header.content-type": [expect.stringContaining("application/json")],
      "http.response.body.content": '{"accessToken":"REDACTED","name":"Ada"}',
      "http.response.status_code": 201,
    })
    const { found: got } = await run(captured, "/api/v1/items/3")
    expect(tagsOf(got[0])).toMatchObject({ "http.response.header.x-answer": ["Bearer REDACTED"], "http.response.body.content": "item 3" })
    expect(JSON.stringify(spans.map(({ tags }) => [...tags]))).not.toContain("CANARY")
  })

  it("leaves streams to their readers", async () => {
    const { found, text } = await run(captured, "/api/v1/stream")
    expect(text).toBe("streamed CANARY")
    expect(tagsOf(found[0])["http.response.body.content"]).toBeUndefined()
  })

  it("answers as it does without us", async () => {
    for (const [path, body] of [["/api/v1/items/3"], ["/api/v1/stream"], ["/api/v1/nowhere"], ["/api/v1/echo", { a: 1 }]] as const) {
      const plainly = ({ statusCode, headers, body: text }: Answer) => ({ statusCode, text, headers: { ...headers, date: "" } })
      const expected = plainly(await bare(eventFor(path, body), contextOf()))
      for (const handler of [plain, captured]) expect(plainly(await handler(eventFor(path, body), contextOf()))).toEqual(expected)
    }
  })
})
