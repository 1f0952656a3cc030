import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { createRequire } from "node:module"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Collector, startCollector } from "../../../src/viewer/collector.ts"
import { freePort } from "../../free-port.mjs"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const fixtures = join(root, "test/platforms/fixtures")
const folder = mkdtempSync(join(tmpdir(), "antifreeze-edge-"))

/** One handler; each runtime has its own way to serve it. */
const HANDLER = `
import { withTracing } from "antifreeze"
const handler = withTracing(async (request, context) => {
  const { pathname } = new URL(request.url)
  if (pathname === "/throw") throw new TypeError("broken on purpose")
  if (pathname === "/task") context.waitUntil(new Promise((resolve) => setTimeout(resolve, 50)).then(() => fetch(ORIGIN + "/task")))
  const answer = await fetch(ORIGIN + "/echo")
  return new Response(await answer.text(), { headers: { "x-own": "1" } })
}, { endpoint: ENDPOINT, serviceName: "edge" })
`
const serve: Record<string, string> = {
  deno: `${HANDLER} Deno.serve({ port: PORT, hostname: "127.0.0.1", onListen() {}, onError: () => new Response("failed", { status: 500 }) }, handler)`,
  bun: `${HANDLER} Bun.serve({ port: PORT, hostname: "127.0.0.1", fetch: handler, error: () => new Response("failed", { status: 500 }) })`,
  "edge-runtime": `${HANDLER} addEventListener("fetch", (event) => event.respondWith(handler(event.request, event)))`,
}

/** What the platform was given to wait for; `/waited` is answered when all of it has settled. */
const PLATFORM = `
const tasks = []
const platform = { waitUntil: (task) => void tasks.push(task) }
const waited = async () => {
  const given = tasks.splice(0)
  await Promise.all(given)
  return Response.json(given.length)
}
const isAsked = (request) => new URL(request.url).pathname === "/waited"
`
/** In the real runtimes, but the contexts are doubles of what the platforms pass. */
const platforms: Record<string, readonly [runtime: string, code: string]> = {
  // Netlify Functions API: `(request, context)`.
  Netlify: [
    "deno",
    `${HANDLER} ${PLATFORM} Deno.serve({ port: PORT, hostname: "127.0.0.1", onListen() {} }, (request) => isAsked(request) ? waited() : handler(request, platform))`,
  ],
  // @vercel/functions 3.9.9, get-context: `waitUntil` of this global's context, which the platform sets for each request.
  Vercel: [
    "edge-runtime",
    `${HANDLER} ${PLATFORM} globalThis[Symbol.for("@vercel/request-context")] = { get: () => platform }
    addEventListener("fetch", (event) => event.respondWith(isAsked(event.request) ? waited() : handler(event.request)))`,
  ],
}

let collector: Collector
let answersAfterMs = 0
let origin: Server
let originUrl: string
const processes: ChildProcess[] = []
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const onRequest = async () => {
    await new Promise((resolve) => setTimeout(resolve, answersAfterMs))
    return false
  }
  collector = await startCollector({ onRequest })
  origin = createServer((request, response) => response.end(JSON.stringify(request.headers))).listen(0, "127.0.0.1")
  await new Promise((resolve) => origin.once("listening", resolve))
  originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
})
afterAll(async () => {
  for (const child of processes) child.kill()
  for (const close of closers) await close()
  origin.close()
  await collector.close()
  rmSync(folder, { recursive: true, force: true })
})

async function bundle(source: string, entry: string, format: "esm" | "iife", port: number): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root, loader: "js" },
    bundle: true,
    write: false,
    format,
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["node:*"],
    alias: { antifreeze: join(root, entry), opentracing: join(root, "node_modules/opentracing") },
    define: {
      ANTIFREEZE_VERSION: '"0.0.0-test"',
      ORIGIN: JSON.stringify(originUrl),
      ENDPOINT: JSON.stringify(collector.url),
      PORT: String(port),
    },
    logLevel: "silent",
  })
  return outputFiles[0]?.text as string
}

async function start(runtime: string, entry: string, source = serve[runtime] as string): Promise<string> {
  const port = await freePort()
  const code = await bundle(source, entry, runtime === "edge-runtime" ? "iife" : "esm", port)
  if (runtime === "edge-runtime") {
    const { EdgeRuntime, runServer } = createRequire(join(fixtures, "package.json"))("edge-runtime")
    const server = await runServer({ runtime: new EdgeRuntime({ initialCode: code }), host: "127.0.0.1", port })
    closers.push(() => server.close())
    return server.url
  }
  const file = join(folder, `${runtime}-${port}.mjs`)
  writeFileSync(file, code)
  const args = runtime === "deno" ? ["run", "--allow-net", "--allow-env", "--no-lock", file] : [file]
  const child = spawn(join(fixtures, "node_modules/.bin", runtime), args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  })
  processes.push(child)
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 100; tries++) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return url
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${runtime} does not answer`)
}

test.each(
  ["deno", "bun", "edge-runtime"].flatMap(
    (runtime) =>
      [
        ["src/web.ts", runtime],
        ["src/edge.ts", runtime],
      ] as const,
  ),
)("%s in %s: a root span, a child for the fetch, the trace carried on", async (entry, runtime) => {
  const url = await start(runtime, entry)
  await new Promise((resolve) => setTimeout(resolve, 100))
  collector.clear()
  const response = await fetch(new URL("/child", url))
  const headers = await response.json()
  expect(response.headers.get("x-own")).toBe("1")
  const spans = await collector.waitForSpans(2)
  const [child, parent] = [spans.find((span) => span.kind === "client"), spans.find((span) => span.kind === "server")]
  expect(parent).toMatchObject({ name: "GET", attributes: { "url.path": "/child", "http.response.status_code": 200 } })
  expect(child).toMatchObject({ name: "GET", traceId: parent?.traceId, parentSpanId: parent?.spanId })
  expect(headers).toMatchObject({ traceparent: `00-${child?.traceId}-${child?.spanId}-03` })
  collector.clear()
  expect((await fetch(new URL("/throw", url))).status).toBe(500)
  expect((await collector.waitForSpans(1))[0]?.status).toEqual({ code: "error", message: "broken on purpose" })
})

test.each(
  Object.keys(platforms).flatMap((platform) => [
    [platform, "src/web.ts"],
    [platform, "src/edge.ts"],
  ]),
)("%s, its context a double in the real runtime: waitUntil is given the whole delivery, by %s", async (platform, entry) => {
  const [runtime, code] = platforms[platform as string] as readonly [string, string]
  const url = await start(runtime, entry as string, code)
  const waited = async () => (await fetch(new URL("/waited", url))).json()
  await waited()
  collector.clear()
  // Slow enough that nothing would have arrived by itself.
  answersAfterMs = 300
  try {
    expect((await fetch(new URL("/child", url))).status).toBe(200)
    expect(collector.spans).toEqual([])
    expect(await waited()).toBe(1)
    expect(collector.spans.map(({ kind }) => kind).toSorted()).toEqual(["client", "server"])
  } finally {
    answersAfterMs = 0
  }
})

test.each(["src/web.ts", "src/edge.ts"])(
  "Netlify, its context a double in Deno: a task given to waitUntil belongs to the request (%s)",
  async (entry) => {
    const [runtime, code] = platforms["Netlify"] as readonly [string, string]
    const url = await start(runtime, entry, code)
    await fetch(new URL("/waited", url))
    collector.clear()
    await fetch(new URL("/task", url))
    await fetch(new URL("/waited", url))
    const root = collector.spans.find(({ kind }) => kind === "server")
    const children = collector.spans.filter(({ kind }) => kind === "client")
    expect(children.map(({ parentSpanId }) => parentSpanId)).toEqual([root?.spanId, root?.spanId])
    expect(collector.batches).toHaveLength(1)
  },
)
