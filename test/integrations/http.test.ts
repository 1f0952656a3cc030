import { once } from "node:events"
import http, { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from "node:http"
import https from "node:https"
import { createServer } from "node:net"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { httpIntegration } from "../../src/integrations/http.ts"
import { certificate, type Origin, startHttp, startHttps } from "./_origin.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"

let origin: Origin
let recording: Recording

beforeAll(async () => {
  origin = await startHttp()
  recording = new Recording().watch(httpIntegration)
})

afterAll(async () => {
  recording.unwatch()
  await origin.close()
  expect(recording.mistakes).toEqual([])
})

/** Sends the request, reads the response to its end. */
async function send(path: string, options: RequestOptions = {}, body?: string): Promise<IncomingMessage> {
  const sent = request(`${origin.url}${path}`, options)
  sent.end(body)
  const [response] = (await once(sent, "response")) as [IncomingMessage]
  await text(response)
  return response
}

async function received(act: () => Promise<unknown>, count = 1) {
  origin.received.length = 0
  const { spans, ...rest } = await recording.children(act, count)
  return { ...rest, spans, tags: tagsOf(spans[0]), headers: origin.received[0]?.headers ?? {}, raw: origin.received[0]?.rawHeaders ?? [] }
}

describe("a request that is answered", () => {
  it("becomes one client span with the conventions' tags", async () => {
    const { spans, tags } = await received(() => send("/ok?x=1"))
    expect(spans).toHaveLength(1)
    expect(spans[0]?.operationName).toBe("GET")
    expect(tags).toEqual({
      "span.kind": "client",
      "http.request.method": "GET",
      "url.full": `${origin.url}/ok?x=1`,
      "server.address": "localhost",
      "server.port": origin.port,
      "http.response.status_code": 200,
      "http.response.body.size": 2,
      "network.protocol.version": "1.1",
      "network.peer.address": "127.0.0.1",
      "network.peer.port": origin.port,
    })
  })

  it.each([
    ["HEAD", { method: "HEAD" }, "/ok", { "http.request.method": "HEAD", "http.response.body.size": undefined }],
    ["204", {}, "/status/204", { "http.response.status_code": 204, error: undefined }],
    ["304", {}, "/status/304", { "http.response.status_code": 304, error: undefined }],
    ["404", {}, "/status/404", { "http.response.status_code": 404, error: true, "error.type": "404" }],
    ["503", {}, "/status/503", { "http.response.status_code": 503, error: true, "error.type": "503" }],
    ["103 and then 200", {}, "/early-hints", { "http.response.status_code": 200 }],
    ["connection: close", {}, "/connection-close", { "http.response.status_code": 200, error: undefined }],
    ["no agent", { agent: false }, "/ok", { "http.response.status_code": 200 }],
    ["a method nobody knows", { method: "PURGE" }, "/ok", { "http.request.method": "_OTHER", "http.request.method_original": "PURGE" }],
    ["credentials", { auth: "ada:secret" }, "/ok", { "http.response.status_code": 200 }],
    [
      "a Host header of its own",
      { headers: { host: "shop.example" } },
      "/ok",
      { "server.address": "localhost", "server.port": "the port" },
    ],
    [
      "an absolute target, to a proxy",
      { path: "http://ada:secret@shop.example:81/a?sig=1" },
      "/",
      {
        "url.full": "http://REDACTED:REDACTED@shop.example:81/a?sig=REDACTED",
        "server.address": "shop.example",
        "server.port": 81,
      },
    ],
    ["OPTIONS *", { method: "OPTIONS", path: "*" }, "/", { "http.request.method": "OPTIONS", "url.full": "the origin" }],
  ])("%s", async (_name, options, path, expected) => {
    const { spans, tags } = await received(() => send(path, options as RequestOptions))
    expect(spans).toHaveLength(1)
    expect(spans[0]?.operationName).toBe(tags["http.request.method"] === "_OTHER" ? "HTTP" : tags["http.request.method"])
    for (const [tag, value] of Object.entries(expected)) {
      expect(tags[tag], tag).toBe(value === "the port" ? origin.port : value === "the origin" ? origin.url : value)
    }
    expect(JSON.stringify(tags)).not.toContain("secret")
  })

  it("tells the size of a body that was announced", async () => {
    const { tags } = await received(() => send("/ok", { method: "POST", headers: { "content-length": 5 } }, "hello"))
    expect(tags["http.request.body.size"]).toBe(5)
  })

  it("redacts what signs a URL, and nothing else", async () => {
    const secrets = [
      "AWSAccessKeyId",
      "Signature",
      "sig",
      "X-Goog-Signature",
      "X-Goog-Credential",
      "X-Amz-Signature",
      "X-Amz-Credential",
      "X-Amz-Security-Token",
      "x-amz-signature",
    ]
    const query = secrets.map((name) => `${name}=s3cret`).join("&")
    const { tags } = await received(() => send(`/ok?a=1&${query}&design=open&X-Amz-Date=today`))
    expect(tags["url.full"]).toBe(
      `${origin.url}/ok?a=1&${secrets.map((name) => `${name}=REDACTED`).join("&")}&design=open&X-Amz-Date=today`,
    )
  })

  it("ends when the body is complete, not when the headers are here", async () => {
    const { spans } = await received(async () => {
      const [response] = (await once(http.get(`${origin.url}/big`), "response")) as [IncomingMessage]
      await new Promise((resolve) => setTimeout(resolve, 60))
      await text(response)
    })
    expect(spans[0]?.durationUs).toBeGreaterThan(60_000)
  })

  it("ends although the request body never does", async () => {
    const agent = new Agent({ keepAlive: true })
    const { tags } = await received(async () => {
      const sent = request(`${origin.url}/too-large`, { method: "POST", agent })
      sent.on("error", () => {}).write("endless")
      const [response] = (await once(sent, "response")) as [IncomingMessage]
      await text(response)
    })
    agent.destroy()
    expect(tags).toMatchObject({ "http.response.status_code": 413, error: true })
  })

  it("ends when nobody listens for the response", async () => {
    const { tags } = await received(async () => void request(`${origin.url}/ok`).end())
    expect(tags["http.response.status_code"]).toBe(200)
  })

  it("traces https", async () => {
    const secure = await startHttps()
    const { spans, headers } = await recording
      .children(async () => {
        const [response] = (await once(https.get(`${secure.url}/ok`, { ca: certificate().cert }), "response")) as [IncomingMessage]
        await text(response)
      })
      .then(({ spans }) => ({ spans, headers: secure.received[0]?.headers }))
    await secure.close()
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])).toMatchObject({ "url.full": `${secure.url}/ok`, "server.port": secure.port, "http.response.status_code": 200 })
    expect(headers?.["traceparent"]).toBe(traceparentOf(spans[0]))
  })

  it("puts an IPv6 address in brackets where they belong", () => {
    const fake = {
      method: "GET",
      protocol: "http:",
      host: "::1",
      path: "/",
      headersSent: false,
      getHeader: (name: string) => (name === "host" ? "[::1]:8080" : undefined),
    }
    expect(httpIntegration.describe(fake as unknown as ClientRequest).tags).toMatchObject({
      "url.full": "http://[::1]:8080/",
      "server.address": "::1",
      "server.port": 8080,
    })
  })
})

describe("a request that goes wrong", () => {
  const cases: [name: string, run: () => ClientRequest, expected: Record<string, unknown>][] = [
    ["refused", () => request({ port: 1, host: "127.0.0.1" }).end(), { "error.kind": "ECONNREFUSED", "server.port": 1 }],
    ["reset", () => request(`${origin.url}/reset`).end(), { "error.kind": "ECONNRESET" }],
    ["destroyed", () => later(request(`${origin.url}/hang`), (sent) => sent.destroy()), { "error.kind": "ECONNRESET" }],
    [
      "destroyed with an error",
      () => later(request(`${origin.url}/hang`), (sent) => sent.destroy(new RangeError("mine"))),
      { "error.kind": "RangeError", "error.message": "mine" },
    ],
    ["destroyed at once", () => request(`${origin.url}/hang`).destroy(), { "error.kind": "ECONNRESET" }],
    ["aborted", () => request(`${origin.url}/hang`, { signal: AbortSignal.timeout(20) }).end(), { "error.kind": "ABORT_ERR" }],
    ["aborted before it began", () => request(`${origin.url}/hang`, { signal: AbortSignal.abort() }).end(), { "error.kind": "ABORT_ERR" }],
    [
      "timed out",
      () => {
        const sent = request(`${origin.url}/hang`, { timeout: 20 }).end()
        return sent.on("timeout", () => sent.destroy(Object.assign(new Error("late"), { code: "ETIMEDOUT" })))
      },
      { "error.kind": "ETIMEDOUT" },
    ],
    ["truncated", () => request(`${origin.url}/truncated`, resume).end(), { "error.kind": "ECONNRESET", "http.response.status_code": 200 }],
    [
      "destroyed within the body",
      () => within((sent) => sent.destroy(new Error("enough"))),
      { "error.message": "enough", "http.response.status_code": 200 },
    ],
    [
      "response destroyed with an error",
      () => within((_, response) => response.on("error", () => {}).destroy(new Error("enough"))),
      { "error.message": "enough", "http.response.status_code": 200 },
    ],
    [
      "response abandoned",
      () => within((_, response) => response.destroy()),
      { "error.kind": "AbortError", "http.response.status_code": 200 },
    ],
    [
      "no connection",
      () =>
        request(`${origin.url}/ok`, {
          createConnection: () => {
            throw new Error("no socket")
          },
        }).end(),
      { "error.message": "no socket" },
    ],
  ]
  it.each(cases)("%s", async (_name, run, expected) => {
    const { spans, tags } = await received(async () => {
      const sent = run()
      await new Promise((resolve) => sent.on("error", resolve).on("close", resolve))
    })
    expect(spans).toHaveLength(1)
    expect(tags).toMatchObject({ error: true, ...expected })
  })

  const resume: RequestOptions = {}
  function later(sent: ClientRequest, act: (sent: ClientRequest) => void): ClientRequest {
    setTimeout(() => act(sent), 20)
    return sent.end()
  }
  function within(act: (sent: ClientRequest, response: IncomingMessage) => void): ClientRequest {
    const sent = request(`${origin.url}/big`, (response) => response.once("data", () => act(sent, response))).end()
    return sent
  }

  it("leaves the span of a body that is never read to the invocation, with all that is known", async () => {
    const other = new Recording().watch(httpIntegration)
    await other.children(async () => void (await once(http.get(`${origin.url}/big`), "response")), 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const spans = other.close()
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])).toMatchObject({ "antifreeze.unfinished": true, "http.response.status_code": 200 })
  })
})

describe("a connection that is switched", () => {
  it("ends at the upgrade", async () => {
    const { spans, tags, headers } = await received(async () => {
      const sent = request(`${origin.url}/socket`, { headers: { connection: "upgrade", upgrade: "echo" } }).end()
      const [, socket] = await once(sent, "upgrade")
      socket.destroy()
    })
    expect(tags).toMatchObject({ "http.response.status_code": 101, "network.peer.port": origin.port })
    expect(tags["error"]).toBeUndefined()
    expect(headers["traceparent"]).toBe(traceparentOf(spans[0]))
  })

  it("ends at the tunnel of CONNECT", async () => {
    const { spans, tags } = await received(async () => {
      const sent = request(origin.url, { method: "CONNECT", path: "shop.example:443" }).end()
      const [, socket] = await once(sent, "connect")
      socket.destroy()
    })
    expect(spans[0]?.operationName).toBe("CONNECT")
    expect(tags).toMatchObject({
      "url.full": "shop.example:443",
      "server.address": "shop.example",
      "server.port": 443,
      "http.response.status_code": 200,
    })
  })

  it("ends an upgrade that was refused with its response", async () => {
    const plain = createServer(
      (socket) => void socket.once("data", () => socket.end("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")),
    )
    await once(plain.listen(0), "listening")
    const { port } = plain.address() as { port: number }
    const { spans, tags } = await received(async () => {
      const sent = request({ port, headers: { connection: "upgrade", upgrade: "echo" } }).end()
      const [response] = (await once(sent, "response")) as [IncomingMessage]
      await text(response)
    })
    plain.close()
    expect(spans).toHaveLength(1)
    expect(tags).toMatchObject({ "http.response.status_code": 426, error: true })
  })
})

describe("our headers", () => {
  const forms: [name: string, options: RequestOptions, body?: string][] = [
    ["no headers", {}],
    ["headers as an object", { headers: { "x-mine": "1" } }],
    ["headers as an array", { headers: ["Host", "localhost", "X-Mine", "1"] as never }],
    ["headers as an array, with a body", { method: "POST", headers: ["Host", "localhost", "Content-Length", "5"] as never }, "hello"],
    ["Expect: 100-continue", { method: "POST", headers: { expect: "100-continue", "content-length": 5 } }, "hello"],
    [
      "Expect: 100-continue as an array",
      { method: "POST", headers: ["Host", "localhost", "Expect", "100-continue", "Content-Length", "5"] as never },
      "hello",
    ],
    ["an AWS signature", { headers: { authorization: "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=y" } }],
  ]
  it.each(forms)("reach the server: %s", async (_name, options, body) => {
    const { spans, headers, raw } = await received(() => send("/ok", options, body))
    expect(headers["traceparent"]).toBe(traceparentOf(spans[0]))
    expect(raw.filter((name) => name.toLowerCase() === "traceparent")).toHaveLength(1)
    const given = (Array.isArray(options.headers) ? options.headers : Object.entries(options.headers ?? {}).flat()).map(String)
    expect(raw).toEqual(expect.arrayContaining(given))
  })

  it.each([
    ["as an object", { TraceParent: "mine" }],
    ["as an array", ["Host", "localhost", "TraceParent", "mine"]],
    ["with Expect", { TraceParent: "mine", expect: "100-continue" }],
  ])("are left out when the caller has set one: %s", async (_name, headers) => {
    const { spans, headers: got } = await received(async () => {
      recording.tracer.activeSpan?.setBaggageItem("user", "ada")
      await send("/ok", { headers: headers as never })
    })
    expect(spans).toHaveLength(1)
    expect(got["traceparent"]).toBe("mine")
    expect(got["baggage"]).toBeUndefined()
  })

  it("carry the baggage", async () => {
    const { headers } = await received(async () => {
      recording.tracer.activeSpan?.setBaggageItem("user", "ada")
      await send("/ok")
    })
    expect(headers["baggage"]).toBe("user=ada")
  })

  it("are not added, and no span is made, where no span is active", async () => {
    origin.received.length = 0
    const before = (await recording.finished()).length
    await send("/ok")
    expect(origin.received[0]?.headers["traceparent"]).toBeUndefined()
    expect(await recording.finished()).toHaveLength(before)
  })
})

it("keeps 200 concurrent requests over 4 sockets with their own parents", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  origin.received.length = 0
  const results = await Promise.all(Array.from({ length: 200 }, (_, n) => recording.children(() => send(`/slow/2?n=${n}`, { agent }))))
  agent.destroy()
  for (const [n, { spans, parent }] of results.entries()) {
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])["url.full"]).toBe(`${origin.url}/slow/2?n=${n}`)
    expect(spans[0]?.traceId).toBe(parent.traceId)
    const request = origin.received.find(({ url }) => url === `/slow/2?n=${n}`)
    expect(request?.headers["traceparent"]).toBe(traceparentOf(spans[0]))
  }
}, 20_000)

it("leaves the caller's own code in the caller's span", async () => {
  const { parent, value } = await recording.children(async () => {
    const active = () => recording.tracer.activeSpan
    const seen = [active()]
    const sent = request(`${origin.url}/ok`, (response) => {
      seen.push(active())
      response.on("data", () => seen.push(active())).on("end", () => seen.push(active()))
    })
    seen.push(active())
    sent.end()
    await once(sent, "close")
    return seen
  })
  expect(new Set(value)).toEqual(new Set([parent]))
})

it("stops when it is told to", async () => {
  const other = new Recording().watch(httpIntegration)
  other.unwatch()
  const { spans } = await other.children(() => send("/ok"), 0)
  expect(spans).toEqual([])
})
