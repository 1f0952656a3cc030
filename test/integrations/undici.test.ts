import {
  Agent,
  type Dispatcher,
  getGlobalDispatcher,
  interceptors,
  Pool,
  request,
  setGlobalDispatcher,
  fetch as undiciFetch,
  upgrade,
} from "undici"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { fetchIntegration } from "../../src/integrations/fetch.ts"
import { httpIntegration } from "../../src/integrations/http.ts"
import { http2Integration } from "../../src/integrations/http2.ts"
import { certificate, type Origin, startHttp, startHttp2Tls } from "./_origin.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"

let origin: Origin
let recording: Recording

beforeAll(async () => {
  origin = await startHttp()
  recording = new Recording().watch(fetchIntegration).watch(httpIntegration).watch(http2Integration)
})

afterAll(async () => {
  recording.unwatch()
  await origin.close()
  expect(recording.mistakes).toEqual([])
})

async function send(path: string, options: Partial<Dispatcher.RequestOptions> & { dispatcher?: Dispatcher } = {}): Promise<string> {
  return (await request(`${origin.url}${path}`, options as never)).body.text()
}

describe("undici from npm", () => {
  it("traces request()", async () => {
    origin.received.length = 0
    const { spans } = await recording.children(() => send("/ok", { method: "POST", body: "hello" }))
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])).toMatchObject({
      "url.full": `${origin.url}/ok`,
      "http.response.status_code": 200,
      "network.peer.port": origin.port,
    })
    expect(origin.received[0]?.headers["traceparent"]).toBe(traceparentOf(spans[0]))
  })

  it("traces its fetch()", async () => {
    const { spans } = await recording.children(async () => (await undiciFetch(`${origin.url}/ok`)).text())
    expect(spans).toHaveLength(1)
  })

  it.each([[{ traceparent: "mine" }], [["traceparent", "mine"]], [new Map([["TraceParent", "mine"]])]])(
    "leaves a traceparent of the caller alone",
    async (headers) => {
      origin.received.length = 0
      await recording.children(() => send("/ok", { headers: headers as never }))
      expect(origin.received[0]?.headers["traceparent"]).toBe("mine")
    },
  )

  it("gives every retry a span of its own", async () => {
    const dispatcher = new Agent().compose(interceptors.retry({ maxRetries: 2, minTimeout: 1, maxTimeout: 1 }))
    const { spans } = await recording.children(() => send("/status/503", { dispatcher }).catch(() => {}), 3)
    expect(spans.map((span) => tagsOf(span)["http.response.status_code"])).toEqual([503, 503, 503])
    await dispatcher.close()
  })

  it("ends at the upgrade", async () => {
    const { spans } = await recording.children(async () => (await upgrade(`${origin.url}/up`, { protocol: "echo" })).socket.destroy())
    expect(spans).toHaveLength(1)
    expect(tagsOf(spans[0])["http.response.status_code"]).toBe(101)
  })

  it("makes one span of a request over HTTP/2, not two", async () => {
    const secure = await startHttp2Tls()
    const dispatcher = new Agent({ allowH2: true, connect: { ca: certificate().cert } })
    for (const run of [1, 2]) {
      const { spans } = await recording.children(async () => (await request(`${secure.url}/ok?${run}`, { dispatcher })).body.text())
      expect(spans).toHaveLength(1)
      expect(tagsOf(spans[0])).toMatchObject({
        "network.protocol.version": "2",
        "http.response.status_code": 200,
        "http.response.body.size": 2,
        "network.peer.port": secure.port,
      })
      expect(secure.received.at(-1)?.headers["traceparent"]).toBe(traceparentOf(spans[0]))
    }
    await dispatcher.destroy()
    await secure.close()
  })

  it("keeps 200 concurrent requests through 2 connections with their own parents", async () => {
    const pool = new Pool(origin.url, { connections: 2 })
    const agent = new Agent({ connections: 2 })
    const before = getGlobalDispatcher()
    setGlobalDispatcher(agent)
    const ways = [
      (path: string) => pool.request({ path, method: "GET" }).then(({ body }) => body.text()),
      (path: string) => fetch(`${origin.url}${path}`).then((response) => response.text()),
    ]
    for (const way of ways) {
      const results = await Promise.all(Array.from({ length: 200 }, (_, n) => recording.children(() => way(`/slow/1?n=${n}`))))
      for (const [n, { spans }] of results.entries()) expect(tagsOf(spans[0])["url.full"]).toBe(`${origin.url}/slow/1?n=${n}`)
    }
    setGlobalDispatcher(before)
    await Promise.all([pool.destroy(), agent.destroy()])
  }, 20_000)
})
