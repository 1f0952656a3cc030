import { createServer, type Server } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, onTestFinished, test, vi } from "vitest"
import type { Exporter } from "../../src/core/contracts.ts"
import { createReport } from "../../src/core/report.ts"
import { createOtlpExporter } from "../../src/exporters/otlp.ts"
import { createPost } from "../../src/platforms/node/post.ts"
import { postNow } from "../../src/platforms/node/post-now.ts"
import { wantsProxy } from "../../src/platforms/node/proxy.ts"
import { certificate } from "../_certificate.ts"
import { endless, inTurn, never, partial, status } from "../faults.ts"
import { record, spanId } from "../otlp/_records.ts"
import { collect, open } from "../platforms/lambda/_open.ts"
import { runtimes } from "../runtimes/runtimes.ts"
import { certificateFile } from "./cells.ts"

const BOUND_MS = 120

function exporterTo(url: string, limits = { spans: 2048, bytes: 4e6 }): Exporter {
  const post = createPost({ url: new URL(`${url}/v1/traces`), headers: {}, compression: "none" })
  return createOtlpExporter({
    post,
    resource: new Map(),
    scope: { name: "", version: "" },
    timeoutMs: BOUND_MS,
    limits,
    report: createReport(),
    monotonicMs: () => performance.now(),
  })
}

const span = (n: number) => record({ spanId: spanId(n) })

describe.each(Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }))("a dead endpoint on %s", (_name, runtime) => {
  test("is paid for five times, and then left alone", { retry: 2 }, async () => {
    const collector = await collect({ onRequest: never() })
    const environment = open(runtime, "functions.noop", collector)
    const heldMs: number[] = []
    for (let count = 0; count < 9; count++) heldMs.push((await environment.invoke({})).heldMs)
    expect(heldMs.slice(0, 5).every((ms) => ms > 250 && ms < 900)).toBe(true)
    expect(heldMs.slice(5).every((ms) => ms < 100)).toBe(true)
  })

  test.each([
    ["http", 3],
    ["http", 6],
    ["https", 3],
    ["https", 6],
  ] as const)(
    "that is well again when the environment is shut down gets what was kept (%s, after %i failures)",
    async (transport, count) => {
      const tls = transport === "https" ? await certificate() : undefined
      let broken = true
      const collector = await collect({ ...(tls && { tls }), onRequest: (exchange) => broken && status(503)(exchange) })
      const env = tls && { OTEL_EXPORTER_OTLP_CERTIFICATE: certificateFile(tls.cert) }
      const environment = open(runtime, "functions.noop", collector, { functionName: "functions", env: env ?? {} })
      for (let done = 0; done < count; done++) await environment.invoke({})
      expect(collector.spans).toEqual([])
      broken = false
      await environment.close()
      expect(collector.spans.filter((span) => span.name === "functions")).toHaveLength(count)
    },
  )
})

describe("the breaker", () => {
  test("lets one through after its time; a failure doubles the time, a success closes it", async () => {
    let broken = true
    let requests = 0
    let count = 0
    const collector = await collect({
      onRequest: (exchange) => {
        requests++
        return broken && status(503)(exchange)
      },
    })
    const exporter = exporterTo(collector.url)
    let nowMs = Date.now()
    const clock = vi.spyOn(Date, "now").mockImplementation(() => nowMs)
    onTestFinished(() => clock.mockRestore())
    const tries = async () => {
      const before = requests
      await exporter.export([span(++count)])
      return requests > before
    }
    for (let index = 0; index < 5; index++) expect(await tries()).toBe(true)
    expect(await tries()).toBe(false)
    nowMs += 5_001
    expect(await tries()).toBe(true)
    nowMs += 5_001
    expect(await tries()).toBe(false)
    nowMs += 5_000
    broken = false
    expect(await tries()).toBe(true)
    expect(collector.spans).toHaveLength(9)
    expect(await tries()).toBe(true)
  })
})

describe("what was dropped is told by the next span that arrives", () => {
  test.each([
    ["refused for good", inTurn(status(400)), { "antifreeze.dropped.refused": 3 }],
    ["rejected in part", inTurn(partial(2, "too old")), { "antifreeze.dropped.rejected": 2 }],
  ])("%s", async (_title, onRequest, tags) => {
    const collector = await collect({ onRequest })
    const exporter = exporterTo(collector.url)
    await exporter.export([span(1), span(2), span(3)])
    collector.clear()
    await exporter.export([span(4)])
    await exporter.export([span(5)])
    expect(collector.spans[0]?.attributes).toMatchObject(tags)
    expect(Object.keys(collector.spans[1]?.attributes ?? {}).filter((key) => key.includes("dropped"))).toEqual([])
  })

  test("more than the limits keep, once the endpoint is back", async () => {
    const collector = await collect({ onRequest: inTurn(status(500 + 3), status(503), status(503), status(503), status(503)) })
    const exporter = exporterTo(collector.url, { spans: 3, bytes: 1e6 })
    for (let index = 1; index <= 4; index++) await exporter.export([span(index * 2), span(index * 2 + 1)], 20)
    collector.clear()
    await sleep(10)
    await exporter.export([span(100)])
    await exporter.export([span(101)])
    const told = collector.spans
      .map((received) => received.attributes["antifreeze.dropped.overflow"])
      .filter((value) => value !== undefined)
    expect(told).toEqual([6])
    expect(collector.spans.length + 6).toBe(10)
  })
})

describe("every wait is bounded", { retry: 2 }, () => {
  const within = async (url: string): Promise<{ ms: number; kept: number }> => {
    const startMs = performance.now()
    const { kept } = await exporterTo(url).export([span(1)])
    return { ms: performance.now() - startMs, kept }
  }

  test("a name that does not exist", async () => {
    const { ms, kept } = await within("http://nowhere.invalid:4318")
    expect(kept).toBe(1)
    expect(ms).toBeLessThan(BOUND_MS + 400)
  })

  test("a certificate that nobody has signed", async () => {
    const collector = await collect({ tls: await certificate() })
    expect((await within(collector.url)).kept).toBe(1)
  })

  test("TLS spoken to a server that speaks plain HTTP", async () => {
    const collector = await collect()
    expect((await within(collector.url.replace("http:", "https:"))).kept).toBe(1)
  })

  test("an answer without an end has delivered", async () => {
    const collector = await collect({ onRequest: endless() })
    const { ms, kept } = await within(collector.url)
    expect(kept).toBe(0)
    expect(ms).toBeLessThan(BOUND_MS + 400)
  })

  test("a connection that is half open: the next delivery takes a fresh one", async () => {
    const collector = await collect({ onRequest: inTurn(undefined, never()) })
    const exporter = exporterTo(collector.url)
    expect(await exporter.export([span(1)])).toMatchObject({ delivered: 1 })
    expect(await exporter.export([span(2)])).toMatchObject({ kept: 1 })
    expect(await exporter.export([span(3)])).toMatchObject({ delivered: 2 })
  })

  test("a last delivery", async () => {
    const collector = await collect({ onRequest: never() })
    // The process stands still meanwhile, and the collector with it: it only has the kernel's backlog.
    const startMs = performance.now()
    expect(postNow(new URL(`${collector.url}/v1/traces`), {}, "{}", 100)).toBe(false)
    expect(performance.now() - startMs).toBeLessThan(200)
    expect(postNow(new URL("https://127.0.0.1:1/"), {}, "{}", 100)).toBe(false)
    expect(postNow(new URL("http://127.0.0.1:1/"), { "x-a": "b\r\nx-c: d" }, "{}", 100)).toBe(false)
  })
})

describe("proxy variables", () => {
  test.each([
    ["http://collector.example:4318", { HTTP_PROXY: "http://p:1" }, true],
    ["https://collector.example", { HTTP_PROXY: "http://p:1" }, false],
    ["https://collector.example", { https_proxy: "http://p:1" }, true],
    ["https://a.collector.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "x, .collector.example" }, false],
    ["https://collector.example", { HTTPS_PROXY: "http://p:1", no_proxy: "*" }, false],
    ["http://localhost:4318", { HTTP_PROXY: "http://p:1" }, false],
    ["http://127.0.0.1:4318", { HTTP_PROXY: "http://p:1" }, false],
  ])("%s with %j: %s", (url, env, wanted) => {
    expect(wantsProxy(new URL(url), env)).toBe(wanted)
  })

  test("the spans go through it", async () => {
    const collector = await collect()
    const seen: string[] = []
    const proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`)
      response.writeHead(502).end()
    })
    proxy.on("connect", (request, socket, head) => {
      seen.push(`CONNECT ${request.url}`)
      const onward = connect(collector.port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
        onward.write(head)
        onward.pipe(socket).pipe(onward)
      })
      onward.on("error", () => socket.destroy())
      socket.on("error", () => onward.destroy())
    })
    const port = await listening(proxy)
    vi.stubEnv("HTTP_PROXY", `http://127.0.0.1:${port}`)
    onTestFinished(() => void vi.unstubAllEnvs())
    await exporterTo("http://collector.example:4318").export([span(1)])
    expect(seen[0]).toContain("collector.example:4318")
  })
})

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}
