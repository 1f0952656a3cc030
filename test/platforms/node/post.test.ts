import { createServer, type RequestListener, type Server } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { gunzipSync } from "node:zlib"
import { afterEach, describe, expect, test } from "vitest"
import { createPost, type PostOptions } from "../../../src/platforms/node/post.ts"

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function listen(listener: RequestListener): Promise<URL> {
  server = createServer(listener)
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve))
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`)
}

const options = (url: URL, more: Partial<PostOptions> = {}): PostOptions => ({ url, headers: {}, compression: "none", ...more })

function readAll(
  listener: (body: Buffer, request: Parameters<RequestListener>[0], response: Parameters<RequestListener>[1]) => void,
): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => listener(Buffer.concat(chunks), request, response))
  }
}

describe("post", () => {
  test("sends the body with its headers, over one connection", async () => {
    const sockets = new Set<Socket>()
    const seen: unknown[] = []
    const url = await listen(
      readAll((body, request, response) => {
        sockets.add(request.socket)
        seen.push([body.toString(), request.headers["content-type"], request.headers["x-key"]])
        response.end("{}")
      }),
    )
    const post = createPost(options(url, { headers: { "x-key": "1" } }))
    for (const body of ["a", "ä"]) expect(await post(body, 1_000, 1_000)).toMatchObject({ status: 200, body: "{}" })
    expect(seen).toEqual([
      ["a", "application/json", "1"],
      ["ä", "application/json", "1"],
    ])
    expect(sockets.size).toBe(1)
  })

  test.each([
    ["none", 100_000, [false, false]],
    ["gzip", 100_000, [true, true]],
    ["gzip", 100, [false, false]],
    ["auto", 100_000, [false, true]],
    ["auto", 1_000, [false, false]],
  ] as const)("compresses with %s and %i bytes: first and second call %j", async (compression, length, expected) => {
    const zipped: boolean[] = []
    const url = await listen(
      readAll((body, request, response) => {
        const isZipped = request.headers["content-encoding"] === "gzip"
        zipped.push(isZipped)
        expect((isZipped ? gunzipSync(body) : body).length).toBe(length)
        response.end()
      }),
    )
    const post = createPost(options(url, { compression }))
    for (const _ of expected) await post("x".repeat(length), 1_000, 1_000)
    expect(zipped).toEqual(expected)
  })

  test("makes a request once more when a reused connection turns out to be dead, and only then", async () => {
    let requests = 0
    const url = await listen(
      readAll((_body, request, response) => {
        requests++
        if (requests === 2) request.socket.resetAndDestroy()
        else response.end()
      }),
    )
    const post = createPost(options(url))
    await post("1", 1_000, 1_000)
    expect((await post("2", 1_000, 1_000)).status).toBe(200)
    expect(requests).toBe(3)
    requests = 1
    await expect(createPost(options(url))("3", 1_000, 1_000)).rejects.toThrow(/ECONNRESET|hang up/)
    expect(requests).toBe(2)
  })

  test("waits no longer than the bound for an endpoint that never answers", async () => {
    const url = await listen(readAll(() => {}))
    await expect(createPost(options(url))("x", 40, 1_000)).rejects.toThrow("no answer within 40 ms")
  })

  test("does not take its own computing for waiting, but ends at the maximum", async () => {
    const url = await listen(readAll((_body, _request, response) => setTimeout(() => response.end(), 5)))
    const busy = setInterval(() => spin(15), 1)
    try {
      expect((await createPost(options(url))("x", 60, 5_000)).status).toBe(200)
      const never = await listen(readAll(() => {}))
      await expect(createPost(options(never))("x", 60, 100)).rejects.toThrow("no answer")
    } finally {
      clearInterval(busy)
    }
  })

  test.each([
    ["without pause", () => setImmediate],
    ["in every tick", () => (then: () => void) => setTimeout(then, 8)],
  ])("short work %s is no waiting either", { retry: 2 }, async (_title, next) => {
    const never = await listen(readAll(() => {}))
    let isOver = false
    const work = () => {
      spin(8)
      if (!isOver) next()(work)
    }
    work()
    const startMs = performance.now()
    await expect(createPost(options(never))("x", 100, 2_000)).rejects.toThrow("no answer")
    isOver = true
    expect(performance.now() - startMs).toBeGreaterThan(160)
  })

  test("reads Retry-After in seconds and as a date", async () => {
    let value = "3"
    const url = await listen(readAll((_body, _request, response) => response.writeHead(503, { "retry-after": value }).end()))
    const post = createPost(options(url))
    expect((await post("x", 1_000, 1_000)).retryAfterMs).toBe(3_000)
    value = new Date(Date.now() + 60_000).toUTCString()
    expect((await post("x", 1_000, 1_000)).retryAfterMs).toBeGreaterThan(50_000)
    value = "soon"
    expect((await post("x", 1_000, 1_000)).retryAfterMs).toBeUndefined()
  })

  test("an answer that never ends counts by its status, and is not kept", async () => {
    const url = await listen(
      readAll((_body, _request, response) => {
        const timer = setInterval(() => response.write("x".repeat(10_000)), 1)
        response.on("close", () => clearInterval(timer))
      }),
    )
    const reply = await createPost(options(url))("x", 1_000, 1_000)
    expect(reply.status).toBe(200)
    expect(reply.body.length).toBeLessThanOrEqual(65_536)
  })
})

function spin(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}
