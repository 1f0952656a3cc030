import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { describe, expect, onTestFinished, test } from "vitest"
import type { ReceivedSpan } from "../../../src/otlp/types.ts"
import { layered, opt } from "../../layer/_compare.ts"
import { runtimes } from "../../runtimes/runtimes.ts"
import { collect, open } from "./_open.ts"

const everything = {
  event: true,
  result: true,
  requestHeaders: ["X-Tenant", "authorization", "x-absent"],
  responseHeaders: ["Content-Type", "set-cookie"],
  requestBody: true,
  responseBody: true,
  calls: { requestHeaders: ["x-tenant", "authorization", "x-note"], responseHeaders: ["x-answer", "set-cookie"] },
}
const request = {
  version: "2.0",
  routeKey: "POST /p",
  rawPath: "/p",
  rawQueryString: "",
  headers: { host: "h", "x-tenant": "acme", Authorization: "Bearer CANARY-in" },
  requestContext: { http: { method: "POST", path: "/p" }, stage: "$default" },
  body: Buffer.from('{"pin":"CANARY-body","name":"Ada"}').toString("base64"),
  isBase64Encoded: true,
}
const result = {
  statusCode: 201,
  headers: { "content-type": "application/json" },
  cookies: ["a=CANARY-cookie", "b=CANARY-cookie"],
  body: '{"accessToken":"CANARY-result","name":"Ada"}',
}

function captured(span: ReceivedSpan | undefined): Record<string, unknown> {
  const entries = Object.entries(span?.attributes ?? {})
  return Object.fromEntries(entries.filter(([key]) => /^antifreeze\.(event|result)|\.header\.|\.content$/.test(key)))
}

async function server(): Promise<number> {
  const origin = createServer((incoming, response) =>
    incoming
      .resume()
      .on("end", () => response.setHeader("x-answer", "yes").setHeader("set-cookie", ["a=CANARY", "b=CANARY"]).end("CANARY-answer")),
  )
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void origin.close())
  return (origin.address() as AddressInfo).port
}

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))("what is captured on %s", (_name, runtime) => {
  async function run(event: object, env: Record<string, string>) {
    const collector = await collect()
    const environment = open(runtime, "captures.handler", collector, { functionName: "captures", env })
    const invocation = await environment.invoke(event)
    const root = collector.spans.find((span) => span.parentSpanId === undefined)
    return { invocation, root, calls: collector.spans.filter((span) => span.kind === "client"), spans: collector.spans }
  }

  test("is nothing by default, neither without a call of capture() nor with one that asks for nothing", async () => {
    for (const CAPTURE of ["none", "{}"]) {
      const { spans } = await run({ ...request, port: await server(), result }, { CAPTURE })
      expect(spans.length).toBeGreaterThan(2)
      expect(spans.map(captured).filter((each) => Object.keys(each).length > 0)).toEqual([])
    }
  })

  test("are the headers and bodies of a request and its response, and what the event and the result are, as they came", async () => {
    const { invocation, root } = await run({ ...request, result }, { CAPTURE: JSON.stringify(everything) })
    expect(JSON.parse(invocation.payload.toString())).toEqual(result)
    const { "antifreeze.event": event, "antifreeze.result": answer, ...rest } = captured(root)
    expect(rest).toEqual({
      "http.request.header.x-tenant": ["acme"],
      "http.request.header.authorization": ["REDACTED"],
      "http.request.body.content": '{"pin":"REDACTED","name":"Ada"}',
      "http.response.header.content-type": ["application/json"],
      "http.response.header.set-cookie": ["REDACTED", "REDACTED"],
      "http.response.body.content": '{"accessToken":"REDACTED","name":"Ada"}',
    })
    expect(JSON.parse(String(event))).toMatchObject({
      headers: { host: "h", Authorization: "REDACTED" },
      body: '{"pin":"REDACTED","name":"Ada"}',
    })
    expect(JSON.parse(String(answer))).toMatchObject({
      statusCode: 201,
      cookies: "REDACTED",
      body: '{"accessToken":"REDACTED","name":"Ada"}',
    })
  })

  test("are the headers of outgoing calls", async () => {
    const { calls } = await run({ port: await server(), result: null }, { CAPTURE: JSON.stringify({ calls: everything.calls }) })
    expect(calls.map(captured)).toEqual(
      Array(2).fill({
        "http.request.header.x-tenant": ["PLAIN-tenant"],
        "http.request.header.authorization": ["REDACTED"],
        "http.request.header.x-note": ["Bearer REDACTED"],
        "http.response.header.x-answer": ["yes"],
        "http.response.header.set-cookie": expect.arrayContaining(["REDACTED"]),
      }),
    )
  })

  test("can be said by variables, of which a wrong one is a line of log", async () => {
    const { root, calls, invocation } = await run(
      { ...request, port: await server(), result },
      {
        ANTIFREEZE_CAPTURE: "result, request-body,nonsense",
        ANTIFREEZE_CAPTURE_MAX_BYTES: "40",
        ANTIFREEZE_CAPTURE_MASK: "name",
        OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS: "X-Tenant",
        OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS: "x-answer",
      },
    )
    expect(captured(root)).toEqual({
      "antifreeze.result": '{"statusCode":201,"headers":{"content…',
      "http.request.header.x-tenant": ["acme"],
      "http.request.body.content": '{"pin":"REDACTED","name":"REDACTED"}',
    })
    expect(calls.map(captured)).toEqual(Array(2).fill({ "http.response.header.x-answer": ["yes"] }))
    expect(invocation.logs).toContain("ANTIFREEZE_CAPTURE has nonsense")
  })

  test("is left out where the user's own mask throws, which is said once and without the value", async () => {
    const { root, invocation } = await run(
      { deep: { worse: "CANARY" }, ok: 1 },
      { CAPTURE: JSON.stringify({ event: true, failsFor: "worse" }) },
    )
    expect(captured(root)).toEqual({ "antifreeze.event": '{"deep":{},"ok":1}' })
    expect(invocation.logs).toContain("mask(key, value) failed: Error.")
    expect(invocation.logs).not.toContain("CANARY")
  })

  test("is the same in an ES module, and in a function that the layer traces with its own copy of us", async () => {
    for (const [handler, options] of [
      ["captures-module.handler", {}],
      ["captures-module.bare", { optRoot: opt, env: layered }],
    ] as const) {
      const collector = await collect()
      const environment = open(runtime, handler, collector, options)
      await environment.invoke({ pin: "CANARY", ok: 1 })
      const root = collector.spans.find((span) => span.parentSpanId === undefined)
      expect([handler, captured(root)]).toEqual([handler, { "antifreeze.event": '{"pin":"REDACTED","ok":1}' }])
    }
  })

  test("is the event of an invocation that fails, too", async () => {
    const { root, invocation } = await run(null as unknown as object, { CAPTURE: JSON.stringify({ event: true, result: true }) })
    expect(invocation.functionError).toBe("TypeError")
    expect(captured(root)).toEqual({ "antifreeze.event": "null" })
  })
})
