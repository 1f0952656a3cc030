import { once } from "node:events"
import http2, { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { http2Integration } from "../../src/integrations/http2.ts"
import { certificate, type Origin, startHttp2, startHttp2Tls } from "./_origin.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"

const original = connect
let origin: Origin
let recording: Recording
let session: ClientHttp2Session

beforeAll(async () => {
  origin = await startHttp2()
  recording = new Recording().watch(http2Integration)
  session = open(origin.url)
})

beforeEach(() => {
  if (session.destroyed || session.closed) session = open(origin.url)
})

afterAll(async () => {
  session.destroy()
  recording.unwatch()
  await origin.close()
  expect(recording.mistakes).toEqual([])
})

function open(url: string, options?: object): ClientHttp2Session {
  return http2.connect(url, options).on("error", () => {})
}

async function send(headers: OutgoingHttpHeaders | string[] | undefined, body?: string): Promise<string> {
  const stream = session.request(headers as OutgoingHttpHeaders, body === undefined ? undefined : { endStream: false })
  if (body !== undefined) stream.end(body)
  return text(stream)
}

async function received(act: () => Promise<unknown>, count = 1) {
  origin.received.length = 0
  const { spans, ...rest } = await recording.children(act, count)
  return { ...rest, spans, tags: tagsOf(spans[0]), headers: origin.received[0]?.headers ?? {} }
}

describe("a request that is answered", () => {
  it("becomes one client span with the conventions' tags", async () => {
    const { spans, tags, headers } = await received(() =>
      send({ ":path": "/ok?sig=s3cret", ":method": "POST", "content-length": 5 }, "hello"),
    )
    expect(spans).toHaveLength(1)
    expect(spans[0]?.operationName).toBe("POST")
    expect(headers["traceparent"]).toBe(traceparentOf(spans[0]))
    expect(tags).toEqual({
      "span.kind": "client",
      "http.request.method": "POST",
      "url.full": `${origin.url}/ok?sig=REDACTED`,
      "server.address": "localhost",
      "server.port": origin.port,
      "http.request.body.size": 5,
      "http.response.status_code": 200,
      "http.response.body.size": 2,
      "network.protocol.version": "2",
      "network.peer.address": "127.0.0.1",
      "network.peer.port": origin.port,
    })
  })

  it.each([
    [
      "HEAD",
      { ":method": "HEAD", ":path": "/ok" },
      { "http.request.method": "HEAD", "http.response.body.size": undefined, error: undefined },
    ],
    ["204", { ":path": "/status/204" }, { "http.response.status_code": 204, error: undefined }],
    ["404", { ":path": "/status/404" }, { "http.response.status_code": 404, error: true, "error.type": "404" }],
    ["103 and then 200", { ":path": "/early-hints" }, { "http.response.status_code": 200, error: undefined }],
    [
      "an authority of its own",
      { ":path": "/ok", ":authority": "shop.example", ":scheme": "https" },
      { "url.full": "https://shop.example/ok", "server.port": 443 },
    ],
    ["a Host header", { ":path": "/ok", host: "shop.example:81" }, { "url.full": "http://shop.example:81/ok" }],
    ["headers as an array", [":path", "/ok", "X-Mine", "1"], { "http.response.status_code": 200 }],
    ["no headers", undefined, { "http.response.status_code": 200 }],
  ])("%s", async (_name, given, expected) => {
    const { spans, tags, headers } = await received(() => send(given as OutgoingHttpHeaders))
    expect(spans).toHaveLength(1)
    expect(headers["traceparent"]).toBe(traceparentOf(spans[0]))
    for (const [tag, value] of Object.entries(expected)) expect(tags[tag], tag).toBe(value)
  })

  it("traces TLS", async () => {
    const secure = await startHttp2Tls()
    const tls = open(secure.url, { ca: certificate().cert })
    const { spans } = await received(() => text(tls.request({ ":path": "/ok" })))
    tls.destroy()
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])).toMatchObject({ "url.full": `${secure.url}/ok`, "network.peer.port": secure.port })
    expect(secure.received[0]?.headers["traceparent"]).toBe(traceparentOf(spans[0]))
    await secure.close()
  })

  it("leaves the span of a body that is never read to the invocation, with all that is known", async () => {
    const other = new Recording().watch(http2Integration)
    await other.children(async () => void (await once(session.request({ ":path": "/big" }), "response")), 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const spans = other.close()
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])).toMatchObject({ "antifreeze.unfinished": true, "http.response.status_code": 200 })
  })

  it("ends when the body is complete, not when the headers are here", async () => {
    const { spans } = await received(async () => {
      const stream = session.request({ ":path": "/big" })
      await once(stream, "response")
      await new Promise((resolve) => setTimeout(resolve, 60))
      await text(stream)
    })
    expect(spans[0]?.durationUs).toBeGreaterThan(60_000)
  })
})

describe("a request that goes wrong", () => {
  const cases: [name: string, run: () => ClientHttp2Stream, expected: Record<string, unknown>][] = [
    [
      "refused",
      () => open("http://127.0.0.1:1").request(),
      { "error.kind": "ERR_HTTP2_STREAM_CANCEL", "error.message": expect.stringContaining("ECONNREFUSED"), "server.port": 1 },
    ],
    [
      "closed by the caller",
      () => later(session.request({ ":path": "/hang" }), (stream) => stream.close(http2.constants.NGHTTP2_CANCEL)),
      { "error.kind": "AbortError" },
    ],
    ["destroyed", () => later(session.request({ ":path": "/hang" }), (stream) => stream.destroy()), { "error.kind": "AbortError" }],
    [
      "destroyed with an error",
      () => later(session.request({ ":path": "/hang" }), (stream) => stream.destroy(new RangeError("mine"))),
      { "error.message": "mine" },
    ],
    ["aborted", () => session.request({ ":path": "/hang" }, { signal: AbortSignal.timeout(20) }), { "error.kind": "ABORT_ERR" }],
    [
      "truncated",
      () => session.request({ ":path": "/truncated" }).resume(),
      { "error.kind": "ERR_HTTP2_STREAM_ERROR", "http.response.status_code": 200 },
    ],
    [
      "abandoned within the body",
      () => {
        const stream = session.request({ ":path": "/big" })
        return stream.once("data", () => stream.destroy())
      },
      { "error.kind": "AbortError", "http.response.status_code": 200 },
    ],
    [
      "left after its end",
      () => {
        const stream = session.request({ ":path": "/ok" }).resume()
        return stream.once("end", () => stream.destroy())
      },
      { error: undefined, "http.response.status_code": 200 },
    ],
    [
      "connection lost within the body",
      () => open(origin.url).request({ ":path": "/lost" }).resume(),
      { "http.response.status_code": 200 },
    ],
    [
      "session destroyed",
      () => {
        const other = open(origin.url)
        return later(other.request({ ":path": "/hang" }), () => other.destroy(new RangeError("mine")))
      },
      { "error.message": "mine" },
    ],
  ]
  it.each(cases)("%s", async (_name, run, expected) => {
    const { spans, tags } = await received(async () => {
      const stream = run()
      await new Promise((resolve) => stream.on("error", () => {}).on("close", resolve))
    })
    expect(spans).toHaveLength(1)
    expect(tags["error"]).toBe("error" in expected ? expected["error"] : true)
    for (const [tag, value] of Object.entries(expected)) expect(tags[tag], tag).toEqual(value)
  })

  function later(stream: ClientHttp2Stream, act: (stream: ClientHttp2Stream) => void): ClientHttp2Stream {
    setTimeout(() => act(stream), 20)
    return stream
  }

  it.each([null, "GET", { ":foo": "bar" }])("throws what it throws without us: %s", async (headers) => {
    const { spans, tags, thrown } = await received(async () => session.request(headers as unknown as OutgoingHttpHeaders))
    expect(thrown).toBeInstanceOf(TypeError)
    expect(spans).toHaveLength(1)
    expect(tags).toMatchObject({ error: true, "error.kind": (thrown as { code: string }).code })
  })
})

describe("our headers", () => {
  it.each([{ TraceParent: "mine" }, [":path", "/ok", "TraceParent", "mine"]])("are left out when the caller has set one", async (given) => {
    const { spans, headers } = await received(async () => {
      recording.tracer.activeSpan?.setBaggageItem("user", "ada")
      await send(given as OutgoingHttpHeaders)
    })
    expect(spans).toHaveLength(1)
    expect(headers["traceparent"]).toBe("mine")
    expect(headers["baggage"]).toBeUndefined()
  })

  it("leave the caller's object alone, and keep what is sensitive in it", async () => {
    const given = { ":path": "/ok", cookie: "a=1", [http2.sensitiveHeaders]: ["cookie"] }
    let stream: ClientHttp2Stream | undefined
    await received(() => text((stream = session.request(given))))
    expect(given).toEqual({ ":path": "/ok", cookie: "a=1", [http2.sensitiveHeaders]: ["cookie"] })
    expect(stream?.sentHeaders?.[http2.sensitiveHeaders as unknown as string]).toEqual(["cookie"])
  })

  it("are not added, and no span is made, where no span is active", async () => {
    origin.received.length = 0
    const before = (await recording.finished()).length
    await send({ ":path": "/ok" })
    expect(origin.received[0]?.headers["traceparent"]).toBeUndefined()
    expect(await recording.finished()).toHaveLength(before)
  })
})

describe("the patch", () => {
  it("is off connect as soon as the first session is there", () => {
    expect(http2.connect).toBe(original)
    expect(connect).toBe(original)
  })

  it("looks like the original, and goes when it is told to", () => {
    const prototype = Object.getPrototypeOf(session) as ClientHttp2Session
    const before = Object.getOwnPropertyDescriptor(prototype, "request")
    const other = new Recording().watch(http2Integration)
    const patchedConnect = http2.connect
    expect(patchedConnect).not.toBe(original)
    expect([patchedConnect.name, patchedConnect.length]).toEqual(["connect", original.length])
    expect(connect).toBe(patchedConnect)
    other.unwatch()
    expect(http2.connect).toBe(original)
    expect(connect).toBe(original)
    expect(Object.getOwnPropertyDescriptor(prototype, "request")).toEqual(before)
    expect([prototype.request.name, prototype.request.length, before?.enumerable]).toEqual(["request", 2, false])
  })

  it("gives a span, without headers, to a stream of a session that was opened before us", async () => {
    recording.unwatch()
    const other = new Recording().watch(http2Integration)
    origin.received.length = 0
    const { spans } = await other.children(() => send({ ":path": "/ok" }))
    const next = await other.children(() => send({ ":path": "/ok" }))
    other.unwatch()
    recording.watch(http2Integration)
    session.destroy()
    expect(tagsOf(spans[0])).toMatchObject({ "url.full": `${origin.url}/ok`, "http.response.status_code": 200 })
    expect(spans).toHaveLength(1)
    expect(next.spans).toHaveLength(1)
    expect(origin.received.map(({ headers }) => headers["traceparent"])).toEqual([undefined, traceparentOf(next.spans[0])])
  })
})

it("keeps 200 concurrent streams of one session with their own parents", async () => {
  origin.received.length = 0
  const results = await Promise.all(Array.from({ length: 200 }, (_, n) => recording.children(() => send({ ":path": `/slow/2?n=${n}` }))))
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
    const stream = session.request({ ":path": "/ok" })
    seen.push(active())
    stream
      .on("response", () => seen.push(active()))
      .on("data", () => {})
      .on("end", () => seen.push(active()))
    await once(stream, "close")
    return seen
  })
  expect(new Set(value)).toEqual(new Set([parent]))
})
