import { once } from "node:events"
import { type ClientRequest, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http"
import { connect, createServer as createHttp2Server } from "node:http2"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { request as undici } from "undici"
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest"
import { type CaptureOptions, capture } from "../../../src/capture.ts"
import type { SpanRecord } from "../../../src/core/contracts.ts"
import { createReport } from "../../../src/core/report.ts"
import { type HandlerOptions, withTracing } from "../../../src/platforms/lambda/with-tracing.ts"
import { readCapture } from "../../../src/platforms/node/capture-variables.ts"

let port: number
let http2Port: number
let server: Server
const http2 = createHttp2Server((incoming, response) => {
  incoming.resume()
  response.setHeader("x-answer", "two")
  response.end("ok")
})

beforeAll(async () => {
  server = createServer((incoming, response) => void incoming.resume().on("end", () => response.setHeader("x-answer", "one").end("ok")))
  await Promise.all([once(server.listen(0, "127.0.0.1"), "listening"), once(http2.listen(0, "127.0.0.1"), "listening")])
  port = (server.address() as AddressInfo).port
  http2Port = (http2.address() as AddressInfo).port
})
afterEach(() => void capture({}))
afterAll(() => {
  server.close()
  http2.close()
})

let count = 0
async function invoke(fn: () => unknown, options: HandlerOptions = {}, event: unknown = {}) {
  const spans: SpanRecord[] = []
  const exporter = {
    export(batch: readonly SpanRecord[]) {
      spans.push(...batch)
      return Promise.resolve({ delivered: batch.length, dropped: 0, kept: 0 })
    },
  }
  const handler = withTracing(async () => fn(), { ...options, exporter }) as (event: unknown, context: object) => Promise<unknown>
  const value = await handler(event, { awsRequestId: `capture-${++count}`, functionName: "f", getRemainingTimeInMillis: () => 3_000 })
  const [root] = spans.filter(({ parentSpanId }) => parentSpanId === undefined)
  const calls = spans.filter((span) => span !== root)
  return { value, root: shown(root), calls: calls.map(shown), spans }
}

function shown(span: SpanRecord | undefined): Record<string, unknown> {
  const entries = [...(span?.tags ?? [])]
  return Object.fromEntries(entries.filter(([key]) => /^antifreeze\.|\.header\.|\.content$|^user/.test(key)))
}

async function byHttp(headers: Record<string, string> | string[]): Promise<void> {
  const sent = request({ port, host: "127.0.0.1", method: "POST", headers: headers as Record<string, string> })
  if (!Array.isArray(headers)) sent.setHeader("x-late", "set later")
  sent.end("body")
  const [response] = await once(sent, "response")
  response.resume()
  await once(response, "close")
}

async function byHttp2(): Promise<void> {
  const session = connect(`http://127.0.0.1:${http2Port}`)
  const stream = session.request({ ":path": "/", "x-sent": "h2" }).resume()
  stream.end()
  await once(stream, "close")
  session.close()
}

const calls: CaptureOptions = { calls: { requestHeaders: ["X-Sent", "x-late"], responseHeaders: ["X-Answer"], requestBody: true } }

describe("what is captured of outgoing calls", () => {
  it("is the same for each client, and a body but for node:http2", async () => {
    capture(calls)
    const { calls: seen } = await invoke(async () => {
      await byHttp({ "x-sent": "a" })
      await byHttp(["x-sent", "b", "host", "h"])
      await undici(`http://127.0.0.1:${port}`, { method: "POST", headers: { "x-sent": "c" }, body: '{"password":"CANARY","ok":1}' })
      await byHttp2()
    })
    const answered = { "http.response.header.x-answer": ["one"] }
    expect(seen).toEqual([
      {
        "http.request.header.x-sent": ["a"],
        "http.request.header.x-late": ["set later"],
        "http.request.body.content": "body",
        ...answered,
      },
      { "http.request.header.x-sent": ["b"], "http.request.body.content": "body", ...answered },
      { "http.request.header.x-sent": ["c"], "http.request.body.content": '{"password":"REDACTED","ok":1}', ...answered },
      { "http.request.header.x-sent": ["h2"], "http.response.header.x-answer": ["two"] },
    ])
  })

  it("leaves the user's own hooks in place, also those that come later, and ends with the next call", async () => {
    const hooks = { name: "http", onCall: (span: { setTag(key: string, value: unknown): unknown }) => void span.setTag("user", "seen") }
    capture(calls)
    const asked = { "http.request.header.x-sent": ["a"], "http.request.header.x-late": ["set later"], "http.request.body.content": "body" }
    const both = { user: "seen", ...asked }
    for (let time = 0; time < 2; time++) {
      const { calls: seen } = await invoke(() => byHttp({ "x-sent": "a" }), { integrations: [hooks] })
      expect(seen).toEqual([{ ...both, "http.response.header.x-answer": ["one"] }])
    }
    capture(calls)
    expect((await invoke(() => byHttp({ "x-sent": "a" }))).calls).toEqual([{ ...both, "http.response.header.x-answer": ["one"] }])
    capture({})
    expect((await invoke(() => byHttp({ "x-sent": "a" }))).calls).toEqual([{ user: "seen" }])
  })
})

describe("bodies of outgoing calls", () => {
  const text = JSON.stringify({ ok: 1, password: "CANARY" })
  const masked = '{"ok":1,"password":"REDACTED"}'
  const both: CaptureOptions = { calls: { requestBody: true, responseBody: true } }
  /** Answers with what it was asked for by its path. */
  const answers: Record<string, (response: ServerResponse) => void> = {
    parts(response) {
      response.write(text.slice(0, 10))
      setImmediate(() => response.end(text.slice(10)))
    },
    gzip: (response) => response.setHeader("content-encoding", "gzip").end(gzipSync(text)),
    br: (response) => response.setHeader("content-encoding", "br").end(brotliCompressSync(text)),
    broken: (response) => response.setHeader("content-encoding", "gzip").end("no gzip"),
    bytes: (response) => response.end(Buffer.from([0xff, 0xfe, 0, 1])),
    long: (response) => response.end("é".repeat(50_000)),
    "long-bytes": (response) => response.end(Buffer.alloc(100_000, 0xff)),
    nothing: (response) => response.end(),
  }
  let upstream: Server
  let url: string
  beforeAll(async () => {
    upstream = createServer(
      (incoming, response) => void incoming.resume().on("end", () => answers[incoming.url?.slice(1) ?? ""]?.(response)),
    )
    await once(upstream.listen(0, "127.0.0.1"), "listening")
    url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`
  })
  afterAll(() => void upstream.close())

  async function ask(path: string, write: (sent: ClientRequest) => unknown = (sent) => sent.end(), reads = true): Promise<Buffer> {
    const sent = request(url + path, { method: "POST", agent: false })
    write(sent)
    const [response] = (await once(sent, "response")) as [IncomingMessage]
    const parts: Buffer[] = []
    if (!reads) response.destroy()
    else for await (const part of response) parts.push(part as Buffer)
    return Buffer.concat(parts)
  }

  const bodies = async (fn: () => unknown): Promise<unknown[]> => {
    capture(both)
    const { calls: seen } = await invoke(fn)
    return seen.map((tags) => [tags["http.request.body.content"], tags["http.response.body.content"]])
  }

  it.each<[string, (sent: ClientRequest) => unknown]>([
    ["end", (sent) => sent.end(text)],
    ["write and end", (sent) => sent.write(text.slice(0, 5)) && sent.end(Buffer.from(text.slice(5)))],
    ["another encoding", (sent) => sent.end(Buffer.from(text).toString("base64"), "base64")],
    ["a pipe", (sent) => Readable.from([text.slice(0, 5), text.slice(5)]).pipe(sent)],
    ["much after it", (sent) => sent.write(text) && sent.end(" ".repeat(1_000))],
    ["a callback", (sent) => sent.write(text) && sent.end(() => {})],
  ])("are seen as they are written: %s", async (_how, write) => {
    expect(await bodies(() => ask("parts", write))).toEqual([[masked, masked]])
  })

  it("are decompressed, cut, or left out where they are no text", async () => {
    const seen = (await bodies(async () => {
      for (const path of Object.keys(answers)) await ask(path)
    })) as [unknown, string | undefined][]
    const found = Object.fromEntries(Object.keys(answers).map((path, at) => [path, seen[at]?.[1]]))
    expect(found).toEqual({
      ...{ parts: masked, gzip: masked, br: masked, broken: undefined, bytes: "[4 bytes]", nothing: undefined },
      ...{ long: expect.stringMatching(/^é+…$/), "long-bytes": undefined },
    })
    expect(Buffer.byteLength(found["long"] ?? "")).toBeLessThanOrEqual(4_096)
  })

  it("reach their readers unchanged, also those who stop early", async () => {
    capture(both)
    const { value } = await invoke(async () => [
      (await ask("parts")).toString(),
      (await ask("long-bytes")).length,
      (await ask("long", undefined, false)).length,
      await (await fetch(`${url}parts`)).text(),
    ])
    expect(value).toEqual([text, 100_000, 0, text])
  })

  // Node 22 publishes no parts of them.
  it("of fetch are seen on Node 24", async () => {
    const send = { method: "POST", body: text }
    expect(await bodies(async () => (await fetch(`${url}gzip`, send)).text())).toEqual([[masked, masked]])
  })

  it("are no longer watched once something else is wanted", async () => {
    capture(both)
    await invoke(() => ask("parts"))
    capture({})
    const { calls: seen } = await invoke(() => ask("parts"))
    expect(seen.flatMap(Object.keys).filter((key) => key.startsWith("http."))).toEqual([])
    capture({ calls: { responseHeaders: ["x"] } })
    await invoke(() =>
      ask("parts", (sent) => {
        sent.end(text)
        expect(Object.hasOwn(sent, "write")).toBe(false)
      }),
    )
  })
})

describe("an event or a result that cannot be read", () => {
  it("harms nothing: the same object comes back, and the span is whole", async () => {
    capture({ event: true, result: true, requestHeaders: ["a"], responseHeaders: ["a"], requestBody: true, responseBody: true })
    const trap = () => {
      throw new Error("trap")
    }
    const hostile = new Proxy({}, { ownKeys: trap, getOwnPropertyDescriptor: trap, has: trap })
    const { value, root } = await invoke(() => hostile, {}, hostile)
    expect(value === hostile).toBe(true)
    expect(root).toEqual({ "antifreeze.event": '"[unreadable]"', "antifreeze.result": '"[unreadable]"' })
  })

  it("keeps the status of an answer whose body throws", async () => {
    capture({ responseHeaders: ["a"], responseBody: true })
    const event = { httpMethod: "GET", path: "/", requestContext: {}, headers: {} }
    const result = {
      statusCode: 204,
      get headers() {
        throw new Error("getter")
      },
    }
    const { spans, value } = await invoke(() => result, {}, event)
    expect(value === result).toBe(true)
    expect(spans[0]?.tags.get("http.response.status_code")).toBe(204)
    expect(spans[0]?.tags.has("instrumentation_error")).toBe(false)
  })
})

describe("what is asked for", () => {
  it.each([
    [{ maxBytes: -1 }, "maxBytes=-1 is ignored. Give a number of bytes."],
    [{ mask: "password" }, "mask=password is ignored. Give a function of a key and a value."],
    [{ requestHeaders: "x-a" }, "requestHeaders=x-a is ignored. Give a list of names."],
    [{ maskNames: true }, "maskNames=true is ignored. Give a list of names."],
    [{ calls: { responseHeaders: 1 } }, "responseHeaders=1 is ignored. Give a list of names."],
  ])("is one line where it is wrong, and nothing is captured: %j", async (options, message) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {})
    capture({ event: true, ...options } as CaptureOptions)
    const { spans } = await invoke(() => "ok", {}, { password: "x" })
    expect(warn.mock.calls).toEqual([[`[antifreeze] ${message} Nothing is captured.`]])
    expect(spans[0]?.tags.has("antifreeze.event")).toBe(false)
    warn.mockRestore()
  })

  it("is read from variables, and nothing is asked for without them", () => {
    const said: string[] = []
    const report = createReport((line) => said.push(line))
    expect(Object.values(readCapture({}, report)).flat().filter(Boolean)).toEqual([])
    const read = readCapture(
      { ANTIFREEZE_CAPTURE: "event,call-request-body,all", ANTIFREEZE_CAPTURE_MAX_BYTES: "1e3", ANTIFREEZE_CAPTURE_MASK: " tax_id ,," },
      report,
    )
    expect(read).toMatchObject({ event: true, result: false, requestBody: false, maskNames: ["tax_id"], calls: { requestBody: true } })
    expect(read.maxBytes).toBeUndefined()
    expect(said).toHaveLength(2)
  })
})
