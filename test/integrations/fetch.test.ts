import { once } from "node:events"
import { createServer } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { fetchIntegration } from "../../src/integrations/fetch.ts"
import { httpIntegration } from "../../src/integrations/http.ts"
import { http2Integration } from "../../src/integrations/http2.ts"
import { type Origin, startHttp } from "./_origin.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"

let origin: Origin
let recording: Recording

beforeAll(async () => {
  origin = await startHttp()
  // All three at once: no request may be seen twice.
  recording = new Recording().watch(fetchIntegration).watch(httpIntegration).watch(http2Integration)
})

afterAll(async () => {
  recording.unwatch()
  await origin.close()
  expect(recording.mistakes).toEqual([])
})

async function send(path: string, init?: RequestInit): Promise<string> {
  return (await fetch(`${origin.url}${path}`, init)).text()
}

async function received(act: () => Promise<unknown>, count = 1) {
  origin.received.length = 0
  const { spans, ...rest } = await recording.children(act, count)
  return { ...rest, spans, tags: tagsOf(spans[0]), headers: origin.received[0]?.headers ?? {}, raw: origin.received[0]?.rawHeaders ?? [] }
}

describe("a request that is answered", () => {
  it("becomes one client span with the conventions' tags", async () => {
    const { spans, tags, headers } = await received(() => send("/ok?x=1&sig=s3cret", { method: "POST", body: "hello" }))
    expect(spans).toHaveLength(1)
    expect(spans[0]?.operationName).toBe("POST")
    expect(headers["traceparent"]).toBe(traceparentOf(spans[0]))
    expect(tags).toEqual({
      "span.kind": "client",
      "http.request.method": "POST",
      "url.full": `${origin.url}/ok?x=1&sig=REDACTED`,
      "server.address": "localhost",
      "server.port": origin.port,
      "http.request.body.size": 5,
      "http.response.status_code": 200,
      "http.response.body.size": 2,
      "network.protocol.version": "1.1",
      "network.peer.address": "127.0.0.1",
      "network.peer.port": origin.port,
    })
  })

  it.each([
    ["HEAD", "/ok", { method: "HEAD" }, { "http.response.status_code": 200, "http.response.body.size": undefined }],
    ["204", "/status/204", {}, { "http.response.status_code": 204, error: undefined }],
    ["404", "/status/404", {}, { "http.response.status_code": 404, error: true, "error.type": "404" }],
    ["500", "/status/500", {}, { "http.response.status_code": 500, error: true, "error.type": "500" }],
    ["103 and then 200", "/early-hints", {}, { "http.response.status_code": 200 }],
    ["connection: close", "/connection-close", {}, { "http.response.status_code": 200, error: undefined }],
    [
      "a streamed body",
      "/ok",
      { method: "POST", duplex: "half", body: new Blob(["hello"]).stream() },
      { "http.request.body.size": undefined },
    ],
    ["a method nobody knows", "/ok", { method: "PURGE" }, { "http.request.method": "_OTHER", "http.request.method_original": "PURGE" }],
  ])("%s", async (_name, path, init, expected) => {
    const { spans, tags } = await received(() => send(path, init as RequestInit))
    expect(spans).toHaveLength(1)
    for (const [tag, value] of Object.entries(expected)) expect(tags[tag], tag).toBe(value)
  })

  it("gives every redirect a span and a traceparent of its own", async () => {
    const { spans } = await received(() => send("/redirect/2"), 3)
    expect(spans.map((span) => tagsOf(span)["http.response.status_code"])).toEqual([302, 302, 200])
    expect(origin.received.map(({ headers }) => headers["traceparent"])).toEqual(spans.map(traceparentOf))
  })

  it("ends when the body is complete, not when the headers are here", async () => {
    const { spans } = await received(async () => {
      const response = await fetch(`${origin.url}/big`)
      await new Promise((resolve) => setTimeout(resolve, 60))
      await response.text()
    })
    expect(spans[0]?.durationUs).toBeGreaterThan(60_000)
  })

  it("leaves the span of a body that is never read to the invocation, with all that is known", async () => {
    const other = new Recording().watch(fetchIntegration)
    await other.children(() => fetch(`${origin.url}/big`), 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const spans = other.close()
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])).toMatchObject({ "antifreeze.unfinished": true, "http.response.status_code": 200 })
  })

  it("ends at the upgrade of a WebSocket", async () => {
    const { spans, tags } = await received(async () => {
      const socket = new WebSocket(`${origin.url.replace("http", "ws")}/socket`)
      await new Promise((resolve) => socket.addEventListener("error", resolve))
    })
    expect(spans).toHaveLength(1)
    expect(tags).toMatchObject({ "http.response.status_code": 101, "url.full": `${origin.url}/socket` })
  })
})

describe("a request that goes wrong", () => {
  const signal = (act: (controller: AbortController) => void): RequestInit => {
    const controller = new AbortController()
    act(controller)
    return { signal: controller.signal }
  }
  const cases: [name: string, run: () => Promise<unknown>, expected: Record<string, unknown>][] = [
    ["reset", () => send("/reset"), { "error.kind": "UND_ERR_SOCKET" }],
    [
      "aborted",
      () =>
        send(
          "/hang",
          signal((controller) => setTimeout(() => controller.abort(), 20)),
        ),
      { "error.kind": "AbortError" },
    ],
    [
      "aborted with a reason",
      () =>
        send(
          "/hang",
          signal((controller) => setTimeout(() => controller.abort(new RangeError("mine")), 20)),
        ),
      { "error.kind": "RangeError", "error.message": "mine" },
    ],
    ["timed out", () => send("/hang", { signal: AbortSignal.timeout(20) }), { "error.kind": "TimeoutError" }],
    ["truncated", () => send("/truncated"), { "error.kind": "UND_ERR_SOCKET", "http.response.status_code": 200 }],
    [
      "cancelled",
      async () => (await fetch(`${origin.url}/big`)).body?.cancel(),
      { "error.kind": "AbortError", "http.response.status_code": 200 },
    ],
    [
      "aborted within the body",
      async () => {
        const controller = new AbortController()
        const response = await fetch(`${origin.url}/big`, { signal: controller.signal })
        controller.abort()
        await response.text()
      },
      { "error.kind": "AbortError", "http.response.status_code": 200 },
    ],
  ]
  it.each(cases)("%s", async (_name, run, expected) => {
    const { spans, tags } = await received(run)
    expect(spans).toHaveLength(1)
    expect(tags).toMatchObject({ error: true, ...expected })
  })

  it("refused", async () => {
    const server = createServer()
    await once(server.listen(0, "127.0.0.1"), "listening")
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    const { spans, tags, thrown } = await received(() => fetch(`http://127.0.0.1:${port}/`))
    expect(spans).toHaveLength(1)
    expect(tags).toMatchObject({ error: true, "error.kind": "ECONNREFUSED", "server.port": port })
    expect(thrown).toMatchObject({ message: "fetch failed", cause: { code: "ECONNREFUSED" } })
  })

  it.each(["data:,hello", "about:blank", "foo:bar"])("makes no span where nothing goes out: %s", async (url) => {
    const { spans } = await received(() => fetch(url), 0)
    expect(spans).toEqual([])
  })
})

describe("our headers", () => {
  it.each([{ TraceParent: "mine" }, [["traceparent", "mine"]], new Headers({ traceparent: "mine" })])(
    "are left out when the caller has set one",
    async (given) => {
      const { spans, headers } = await received(async () => {
        recording.tracer.activeSpan?.setBaggageItem("user", "ada")
        await send("/ok", { headers: given as Headers })
      })
      expect(spans).toHaveLength(1)
      expect(headers["traceparent"]).toBe("mine")
      expect(headers["baggage"]).toBeUndefined()
    },
  )

  it("come on top of the caller's, once", async () => {
    const { raw, headers } = await received(() => send("/ok", { headers: { "x-value": "traceparent" } }))
    expect(raw.filter((name) => name === "traceparent")).toHaveLength(1 + 1)
    expect(headers["traceparent"]).toMatch(/^00-/)
  })

  it("are not added, and no span is made, where no span is active", async () => {
    origin.received.length = 0
    const before = (await recording.finished()).length
    await send("/ok")
    expect(origin.received[0]?.headers["traceparent"]).toBeUndefined()
    expect(await recording.finished()).toHaveLength(before)
  })

  it("reach undici 5, which keeps the headers as a string", () => {
    const added: string[] = []
    const old = (headers: string) => ({
      origin: "http://a",
      path: "/",
      method: "GET",
      contentLength: null,
      headers,
      addHeader: (name: string) => added.push(name),
    })
    const published = (request: unknown) => recording.children(() => channel.publish({ request }), 0)
    const channel = process.getBuiltinModule("node:diagnostics_channel").channel("undici:request:create")
    return published(old("x: traceparent: 1\r\n"))
      .then(() => published(old("accept: */*\r\nTraceparent: mine\r\n")))
      .then(() => expect(added).toEqual(["traceparent"]))
  })
})

it("keeps 200 concurrent requests over shared sockets with their own parents", async () => {
  await Promise.all(Array.from({ length: 20 }, () => send("/slow/2")))
  origin.received.length = 0
  const results = await Promise.all(Array.from({ length: 200 }, (_, n) => recording.children(() => send(`/slow/2?n=${n}`))))
  for (const [n, { spans, parent }] of results.entries()) {
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])["url.full"]).toBe(`${origin.url}/slow/2?n=${n}`)
    expect(spans[0]?.traceId).toBe(parent.traceId)
    const request = origin.received.find(({ url }) => url === `/slow/2?n=${n}`)
    expect(request?.headers["traceparent"]).toBe(traceparentOf(spans[0]))
  }
}, 20_000)
