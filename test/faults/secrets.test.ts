import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { describe, expect, onTestFinished, test } from "vitest"
import { collect, open } from "../platforms/lambda/_open.ts"
import { runtimes } from "../runtimes/runtimes.ts"

/** An event of API Gateway with a secret in every place that has room for one. */
function eventFor(port: number): object {
  return {
    version: "2.0",
    routeKey: "POST /p/{id}",
    rawPath: "/p/7",
    rawQueryString: "b=2&sig=CANARY-query&X-Amz-Signature=CANARY-presigned",
    cookies: ["session=CANARY-session"],
    headers: { host: "h", authorization: "Bearer CANARY-in", cookie: "CANARY-in-cookie", "x-api-key": "CANARY-in-key" },
    queryStringParameters: { sig: "CANARY-parameter" },
    requestContext: { http: { method: "POST", path: "/p/7" }, stage: "$default", authorizer: { jwt: { claims: { sub: "CANARY-claim" } } } },
    body: '{"password":"CANARY-body"}',
    port,
  }
}

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))("what leaves the function on %s", (_name, runtime) => {
  test("no secret of the event, the environment, a call or the result does", async () => {
    const server = createServer((request, response) => void request.resume().on("end", () => response.end("CANARY-answer")))
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    onTestFinished(() => void server.close())
    let sent = ""
    const collector = await collect({
      async onRequest({ read }) {
        sent += (await read()).bytes.toString()
        return false
      },
    })
    const environment = open(runtime, "secrets.handler", collector, {
      env: { DATABASE_PASSWORD: "CANARY-env", OTEL_EXPORTER_OTLP_HEADERS: "x-token=CANARY-exporter" },
    })
    const invocation = await environment.invoke(eventFor((server.address() as AddressInfo).port))
    expect(invocation.payload.toString()).toContain("CANARY-result")
    expect(collector.spans.filter((span) => span.kind === "client")).toHaveLength(2)
    expect(sent.match(/CANARY[\w-]*/g) ?? []).toEqual([])
    expect(sent).toContain("REDACTED")
    expect(invocation.logs).not.toContain("CANARY")
  })

  test("no secret does when everything is captured, and all the rest of it does", async () => {
    const server = createServer((request, response) =>
      request.resume().on("end", () => {
        response
          .setHeader("set-cookie", ["a=CANARY-set", "b=CANARY-set"])
          .setHeader("x-plain", "PLAIN-answered")
          .end('{"secret":"CANARY-answer","note":"PLAIN-answer-body"}')
      }),
    )
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    onTestFinished(() => void server.close())
    let sent = ""
    const collector = await collect({
      async onRequest({ read }) {
        sent += (await read()).bytes.toString()
        return false
      },
    })
    const headers = "authorization,cookie,set-cookie,x-api-key,x-tenant,x-plain,x-note,content-type"
    const environment = open(runtime, "captures.handler", collector, {
      env: {
        ANTIFREEZE_CAPTURE: "event,result,request-body,response-body,call-request-body,call-response-body",
        OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS: headers,
        OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS: headers,
        OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS: headers,
        OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS: headers,
      },
    })
    const secrets = {
      password: "CANARY-password",
      nested: [{ name: "token", value: "CANARY-pair" }, ["Authorization", "Basic CANARY-raw"]],
      json: JSON.stringify({ clientSecret: "CANARY-json", again: JSON.stringify({ pin: "CANARY-twice" }) }),
      base64: Buffer.from(JSON.stringify({ apiKey: "CANARY-base64" })).toString("base64"),
      form: "a=1&api_key=CANARY-form&b=%7B%22secret%22%3A%22CANARY-percent%22%7D",
      url: "postgres://user:CANARY-url@host/db?sslkey=1&sig=CANARY-signature",
      text: "Authorization: Bearer CANARY-header\r\n",
      key: "-----BEGIN PRIVATE KEY-----\nCANARY-key\n-----END PRIVATE KEY-----",
    }
    const base = eventFor((server.address() as AddressInfo).port) as { headers: object }
    const event = {
      ...base,
      headers: { ...base.headers, "x-tenant": "PLAIN-header" },
      body: JSON.stringify({ ...secrets, ok: "PLAIN-body" }),
      secrets,
      result: {
        statusCode: 200,
        headers: { "set-cookie": "a=CANARY-cookie", "x-plain": "PLAIN-result-header" },
        body: JSON.stringify({ ...secrets, ok: "PLAIN-result" }),
      },
    }
    const invocation = await environment.invoke(event)
    expect(invocation.payload.toString()).toContain("CANARY-password")
    expect(sent.match(/CANARY[\w-]*/g) ?? []).toEqual([])
    // Nor in base64, at any of its three positions.
    expect(sent.match(/Q0FOQVJZ|NBTkFSW|DQU5BUl/g) ?? []).toEqual([])
    const plains = ["body", "header", "result", "result-header", "tenant", "answered", "request-body", "answer-body"]
    for (const plain of plains) expect(sent).toContain(`PLAIN-${plain}`)
    expect(invocation.logs).not.toContain("CANARY")
  })

  test("with one switch each root tells what antifreeze itself has cost", async () => {
    const collector = await collect()
    const environment = open(runtime, "functions.noop", collector, { functionName: "functions", env: { ANTIFREEZE_SELF_REPORT: "true" } })
    for (let count = 0; count < 3; count++) await environment.invoke({})
    const roots = collector.spans.filter((span) => span.name === "functions").map((span) => span.attributes)
    for (const root of roots) expect(root["antifreeze.before_ms"]).toBeGreaterThan(0)
    expect(roots[0]?.["antifreeze.previous.after_ms"]).toBeUndefined()
    expect(roots[2]?.["antifreeze.previous.after_ms"]).toBeGreaterThan(0)
    const without = open(runtime, "functions.noop", collector, { functionName: "silent" })
    await without.invoke({})
    expect(Object.keys(collector.spans.at(-1)?.attributes ?? {}).filter((key) => key.includes("_ms"))).toEqual([])
  })
})
