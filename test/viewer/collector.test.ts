import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { request as httpRequest, type OutgoingHttpHeaders } from "node:http"
import { request as httpsRequest } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterEach, describe, expect, it } from "vitest"
import { encodeTraces } from "../../src/otlp/encode.ts"
import { type Collector, type CollectorOptions, startCollector } from "../../src/viewer/collector.ts"
import { record, spanId } from "../otlp/_records.ts"

const JSON_TYPE = { "content-type": "application/json" }
let collector: Collector
afterEach(() => collector?.close())

describe("takes", () => {
  it("OTLP/JSON, and answers with an empty message", async () => {
    await start()
    const before = Date.now()
    const answer = await post(body(2), { headers: JSON_TYPE })
    expect(answer).toMatchObject({ status: 200, text: "{}" })
    expect(answer.headers["content-type"]).toBe("application/json")
    expect(collector.spans.map((span) => span.spanId)).toEqual([spanId(1), spanId(2)])
    expect(collector.batches).toHaveLength(1)
    expect(collector.batches[0]).toMatchObject({ bytes: body(2).length, headers: JSON_TYPE })
    expect(collector.batches[0]!.receivedAtMs).toBeGreaterThan(before - 1_000)
    expect(collector.batches[0]!.receivedAtMs).toBeLessThan(Date.now() + 1_000)
  })

  it("gzip", async () => {
    await start()
    const packed = gzipSync(body(3))
    expect(await post(packed, { headers: { ...JSON_TYPE, "content-encoding": "gzip" } })).toMatchObject({ status: 200 })
    expect(collector.batches[0]).toMatchObject({ bytes: packed.length })
    expect(collector.spans).toHaveLength(3)
  })

  it("a request without spans", async () => {
    await start()
    expect(await post("{}", { headers: JSON_TYPE })).toMatchObject({ status: 200, text: "{}" })
    expect(collector.batches).toHaveLength(1)
  })

  it("a content type with a charset, a query, and every name of this machine", async () => {
    await start()
    for (const host of ["localhost", "127.0.0.1:4318", "[::1]:1", "LOCALHOST"]) {
      const headers = { "content-type": "Application/JSON; charset=utf-8", host }
      expect(await post(body(1), { headers, path: "/v1/traces?x=1" })).toMatchObject({ status: 200 })
    }
  })

  it("TLS", async () => {
    await start({ tls: selfSigned() })
    expect(collector.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect(await post(body(1), { headers: JSON_TYPE })).toMatchObject({ status: 200 })
  })
})

describe("refuses, with a google.rpc.Status", () => {
  it.each([
    [
      "a span with a bad id",
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"x"}]}]}]}',
      {},
      400,
      /^resourceSpans\[0\]\.scopeSpans\[0\]\.spans\[0\]\.traceId: 32 hex digits expected, got "x"$/,
    ],
    ["what is not JSON", "<html>", {}, 400, /^body: not JSON/],
    [
      "what is not gzip",
      body(1),
      { headers: { ...JSON_TYPE, "content-encoding": "gzip" } },
      400,
      /^the body is not gzip \(Z_DATA_ERROR\)$/,
    ],
    [
      "half a gzip",
      gzipSync(body(9)).subarray(0, 50),
      { headers: { ...JSON_TYPE, "content-encoding": "gzip" } },
      400,
      /^the body is not gzip \(Z_BUF_ERROR\)$/,
    ],
    [
      "the name of another machine",
      body(1),
      { headers: { ...JSON_TYPE, host: "evil.example:4318" } },
      403,
      /^the host "evil\.example" is not this machine$/,
    ],
    ["another path", body(1), { path: "/v1/metrics" }, 404, /^nothing is served at "\/v1\/metrics"; traces go to \/v1\/traces$/],
    ["an absolute URL", body(1), { path: "http://evil.example/v1/traces" }, 404, /^nothing is served at/],
    ["another method", "", { method: "GET" }, 405, /^GET is not taken here, only POST$/],
    ["a preflight", "", { method: "OPTIONS" }, 405, /^OPTIONS is not taken here/],
    [
      "protobuf",
      body(1),
      { headers: { "content-type": "application/x-protobuf" } },
      415,
      /^protobuf is not read yet; set OTEL_EXPORTER_OTLP_PROTOCOL=http\/json$/,
    ],
    [
      "a simple content type",
      body(1),
      { headers: { "content-type": "text/plain" } },
      415,
      /^the content type must be application\/json, not "text\/plain"$/,
    ],
    ["no content type", body(1), { headers: {} }, 415, /^the content type must be application\/json, not ""$/],
    [
      "another encoding",
      body(1),
      { headers: { ...JSON_TYPE, "content-encoding": "br" } },
      415,
      /^the content encoding must be gzip or none, not "br"$/,
    ],
  ] as [string, string | Buffer, Partial<Post>, number, RegExp][])("%s", async (_what, sent, post_, status, message) => {
    await start()
    const answer = await post(sent, { headers: JSON_TYPE, ...post_ })
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text)).toEqual({ code: expect.any(Number), message: expect.stringMatching(message) })
    expect(answer.headers["content-type"]).toBe("application/json")
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([])
    expect(collector.batches).toEqual([])
  })

  it.each([true, false])("a body that is too long, announced: %s", async (announced) => {
    await start({ maxBodyBytes: 10_000 })
    const long = Buffer.alloc(5_000_000, " ")
    const headers = announced ? { ...JSON_TYPE, "content-length": long.length } : { ...JSON_TYPE, "transfer-encoding": "chunked" }
    expect(await post(long, { headers })).toMatchObject({
      status: 413,
      text: '{"code":8,"message":"the body is longer than 10000 bytes"}',
    })
  })

  it("a gzip bomb, without unpacking it", async () => {
    await start({ maxBodyBytes: 1_000_000 })
    const bomb = gzipSync(Buffer.alloc(200_000_000, " "))
    expect(bomb.length).toBeLessThan(1_000_000)
    const before = process.memoryUsage().rss
    expect(await post(bomb, { headers: { ...JSON_TYPE, "content-encoding": "gzip" } })).toMatchObject({
      status: 413,
      text: '{"code":8,"message":"the body unpacks to more than 1000000 bytes"}',
    })
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
  })

  it.each(["0.0.0.0", "::", "192.168.1.2", "example.com", "127.evil.example"])("to listen on %s", async (host) => {
    await expect(startCollector({ host })).rejects.toThrow(`[antifreeze] the collector listens on this machine only, not on "${host}".`)
  })

  it("a port that is taken", async () => {
    await start()
    await expect(startCollector({ port: collector.port })).rejects.toMatchObject({ code: "EADDRINUSE" })
  })
})

describe("keeps", () => {
  it("the newest spans and their batches", async () => {
    await start({ maxSpans: 3 })
    for (const count of [2, 2, 1]) await post(body(count), { headers: JSON_TYPE })
    expect(collector.spans).toHaveLength(3)
    expect(collector.batches.map((batch) => batch.spans.length)).toEqual([2, 1])
    collector.clear()
    expect([collector.spans.length, collector.batches.length]).toEqual([0, 0])
  })

  it("serving after a client that went away in the middle of its body", async () => {
    await start()
    const gone = httpRequest(`${collector.url}/v1/traces`, { method: "POST", headers: { ...JSON_TYPE, "content-length": 1_000 } })
    gone.on("error", () => {})
    gone.write("{")
    await new Promise((resolve) => setTimeout(resolve, 20))
    gone.destroy()
    expect(await post(body(1), { headers: JSON_TYPE })).toMatchObject({ status: 200 })
    expect(collector.spans).toHaveLength(1)
  })
})

describe("waitForSpans", () => {
  it("resolves with spans that come later, by count and by predicate", async () => {
    await start()
    const byCount = collector.waitForSpans(2)
    const byName = collector.waitForSpans((spans) => spans.some((span) => span.name === "work"))
    await post(body(2), { headers: JSON_TYPE })
    expect(await byCount).toHaveLength(2)
    expect(await byName).toHaveLength(2)
    expect(await collector.waitForSpans(1)).toHaveLength(2)
  })

  it("rejects in time, and says what came", async () => {
    await start()
    await post(body(1), { headers: JSON_TYPE })
    await expect(collector.waitForSpans(2, 20)).rejects.toThrow('[antifreeze] the collector waited 20 ms for 2 spans; it has 1: "work".')
  })

  it("rejects when the collector closes", async () => {
    await start()
    const waiting = expect(collector.waitForSpans(1)).rejects.toThrow("closed")
    await collector.close()
    await waiting
  })
})

it("calls onSpans before it answers", async () => {
  const seen: number[] = []
  await start({ onSpans: (spans, batch) => seen.push(spans.length, batch.bytes) })
  await post(body(2), { headers: JSON_TYPE })
  expect(seen).toEqual([2, body(2).length])
})

async function start(options: CollectorOptions = {}): Promise<void> {
  collector = await startCollector(options)
}

function body(count: number): string {
  const spans = Array.from({ length: count }, (_, i) => record({ spanId: spanId(i + 1) }))
  return encodeTraces(spans, new Map([["service.name", "orders"]]), { name: "antifreeze", version: "0" })
}

interface Post {
  readonly headers: OutgoingHttpHeaders
  readonly path: string
  readonly method: string
}

/** By node:http, as fetch does not let a Host header through. */
function post(sent: string | Buffer, { headers = {}, path = "/v1/traces", method = "POST" }: Partial<Post>) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string; headers: OutgoingHttpHeaders }>()
  const options = { host: "127.0.0.1", port: collector.port, path, method, headers, agent: false, rejectUnauthorized: false }
  const request = (collector.url.startsWith("https") ? httpsRequest : httpRequest)(options, async (response) => {
    let text = ""
    for await (const chunk of response) text += chunk
    resolve({ status: response.statusCode!, text, headers: response.headers })
  })
  request.on("error", reject)
  request.end(sent)
  return promise
}

function selfSigned(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "antifreeze-"))
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "1",
      ...subject,
      "-keyout",
      key,
      "-out",
      cert,
    ],
    { stdio: "ignore" },
  )
  const pair = { key: readFileSync(key), cert: readFileSync(cert) }
  rmSync(folder, { recursive: true })
  return pair
}
