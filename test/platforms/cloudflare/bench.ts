// What tracing costs a Worker: `node test/platforms/cloudflare/bench.ts [requests] [rounds]`. Writes test/results/workers-bench.json
// and prints its table. Every variant runs in a workerd of its own, by turns, so that the machine's moods meet all of them.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { Agent, createServer, request } from "node:http"
import { builtinModules, createRequire } from "node:module"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"
import { printTable, type Results } from "./_bench-table.ts"
import { root } from "./_worker.ts"

const requests = Number(process.argv[2] ?? 500)
const rounds = Number(process.argv[3] ?? 7)
/** Only these variants, without writing the results: for trying things out. */
const only = process.argv.slice(4)
const fixtures = join(root, "test/platforms/fixtures")
const { Miniflare } = createRequire(join(fixtures, "package.json"))("miniflare")

const HANDLER = `const handler = { async fetch(request, env, ctx) {
  if (request.url.endsWith("/fetch")) await (await fetch(env.ORIGIN)).text()
  if (request.url.endsWith("/heap")) return Response.json({})
  return new Response("ok")
} }`

const OTEL = `{ exporter: { url: env.OTEL_EXPORTER_OTLP_ENDPOINT + "/v1/traces" }, service: { name: "bench" } }`

/** Each is a module around the same handler. */
const variants: Record<string, string> = {
  bare: `${HANDLER}; export default handler`,
  "bare + POST": `${HANDLER}; export default { async fetch(request, env, ctx) {
    const response = await handler.fetch(request, env, ctx)
    const body = request.url.endsWith("/fetch") ? env.BODY2 : env.BODY1
    ctx.waitUntil(fetch(env.OTEL_EXPORTER_OTLP_ENDPOINT + "/v1/traces", { method: "POST", headers: { "content-type": "application/json" }, body }).then((r) => r.text()))
    return response } }`,
  "antifreeze/edge": `import { withTracing } from "antifreeze/edge"; ${HANDLER}; export default withTracing(handler)`,
  antifreeze: `import { withTracing } from "antifreeze"; ${HANDLER}; export default withTracing(handler)`,
  "antifreeze, lingering": `import { withTracing } from "antifreeze"; ${HANDLER}; export default withTracing(handler, { linger: { spans: 20, ms: 1000 } })`,
  microlabs: `import { instrument } from "@microlabs/otel-cf-workers"; ${HANDLER}; export default instrument(handler, (env) => (${OTEL}))`,
  inference: `import { instrument } from "@inference-net/otel-cf-workers"; ${HANDLER}; export default instrument(handler, (env) => ({ service: { name: "bench" }, trace: ${OTEL} }))`,
  pydantic: `import { instrument } from "@pydantic/otel-cf-workers"; ${HANDLER}; export default instrument(handler, (env) => (${OTEL}))`,
  sentry: `import * as Sentry from "@sentry/cloudflare"; ${HANDLER}; export default Sentry.withSentry((env) => ({ dsn: env.OTEL_EXPORTER_OTLP_ENDPOINT.replace("http://", "http://key@") + "/1", tracesSampleRate: 1 }), handler)`,
}

async function bundle(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: join(fixtures, "peers") },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["browser", "module", "main"],
    conditions: ["workerd", "worker", "browser", "import"],
    external: ["cloudflare:*", "node:*"],
    alias: {
      antifreeze: join(root, "src/cloudflare.ts"),
      "antifreeze/edge": join(root, "src/edge.ts"),
      opentracing: join(root, "node_modules/opentracing"),
      ...Object.fromEntries(
        builtinModules.filter((name) => !name.startsWith("_") && !name.startsWith("node:")).map((name) => [name, `node:${name}`]),
      ),
    },
    define: { ANTIFREEZE_VERSION: '"0.1.0"' },
    logLevel: "silent",
  })
  return outputFiles[0]?.text as string
}

/** A server that only counts, and keeps the last body. */
async function sink(): Promise<{ url: string; last: () => string; count: () => number; close: () => void }> {
  let last = ""
  let count = 0
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on("data", (chunk) => chunks.push(chunk))
    incoming.on("end", () => {
      count++
      last = Buffer.concat(chunks).toString()
      response.setHeader("content-type", "application/json").end("{}")
    })
  }).listen(0, "127.0.0.1")
  await new Promise((resolve) => server.once("listening", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    last: () => last,
    count: () => count,
    close: () => server.close(),
  }
}

function children(): Set<number> {
  const found = new Set<number>()
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
      if (stat.includes("(workerd)") && Number(stat.split(") ")[1]?.split(" ")[1]) === process.pid) found.add(Number(pid))
    } catch {
      // Gone.
    }
  }
  return found
}

/** Processor time of a process, in ms: what its threads have used (clock ticks are too coarse). */
function cpuMs(pid: number): number {
  let ns = 0
  for (const thread of readdirSync(`/proc/${pid}/task`))
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0])
  return ns / 1e6
}

const agent = new Agent({ keepAlive: true, maxSockets: 24 })

async function load(url: URL, count: number): Promise<void> {
  let left = count
  // A kept connection may be closed just when it is used again.
  const one = (tries = 3): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      const failed = (error: Error) => (tries > 1 ? resolve(one(tries - 1)) : reject(error))
      request(url, { agent }, (response) => response.resume().on("end", resolve).on("error", failed))
        .on("error", failed)
        .end()
    })
  await Promise.all(
    Array.from({ length: 24 }, async () => {
      while (left-- > 0) await one()
    }),
  )
}

interface Running {
  readonly name: string
  readonly url: URL
  readonly pid: number
  readonly stop: () => Promise<void>
  readonly collector: Awaited<ReturnType<typeof sink>>
}

async function start(name: string, code: string, bindings: object): Promise<Running> {
  const before = children()
  const collector = await sink()
  const miniflare = new Miniflare({
    name: "main",
    modules: [{ type: "ESModule", path: "w.mjs", contents: code }],
    compatibilityDate: "2026-07-30",
    compatibilityFlags: ["nodejs_compat"],
    cf: false,
    host: "127.0.0.1",
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    bindings: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...bindings },
  })
  await miniflare.ready
  const [pid] = [...children()].filter((each) => !before.has(each))
  return { name, url: await miniflare.unsafeGetDirectURL("main"), pid: pid as number, stop: () => miniflare.dispose(), collector }
}

const origin = await sink()
const results: Results = { requests, rounds, variants: {} }
const codes: Record<string, string> = {}
for (const [name, source] of Object.entries(variants))
  if (only.length === 0 || only.includes(name) || name === "antifreeze") codes[name] = await bundle(source)

// The bytes that bare + POST sends are those of our own Cloudflare entry.
const bodies: Record<string, string> = {}
const model = await start("model", codes["antifreeze"] as string, { ORIGIN: origin.url })
for (const [at, path] of ["/none", "/fetch"].entries()) {
  await load(new URL(path, model.url), 20)
  await new Promise((resolve) => setTimeout(resolve, 100))
  bodies[`BODY${at + 1}`] = model.collector.last()
}
await model.stop()

const running: Running[] = []
for (const [name, code] of Object.entries(codes)) {
  running.push(await start(name, code, { ORIGIN: origin.url, ...bodies }))
  results.variants[name] = { gzipBytes: gzipSync(code, { level: 9 }).length, none: [], fetch: [], posts: 0 }
}
for (const path of ["none", "fetch"] as const) {
  for (const { url } of running) await load(new URL(`/${path}`, url), 700)
  for (let round = 0; round < rounds; round++) {
    for (const { name, url, pid } of running) {
      const before = cpuMs(pid)
      await load(new URL(`/${path}`, url), requests)
      await new Promise((resolve) => setTimeout(resolve, 30))
      results.variants[name]?.[path].push(((cpuMs(pid) - before) / requests) * 1000)
    }
  }
}
for (const { name, collector, stop } of running) {
  const variant = results.variants[name]
  if (variant) variant.posts = collector.count()
  await stop()
  collector.close()
}
origin.close()
agent.destroy()
mkdirSync(join(root, "test/results"), { recursive: true })
if (only.length === 0) writeFileSync(join(root, "test/results/workers-bench.json"), `${JSON.stringify(results, undefined, 2)}\n`)
printTable(results)
process.exit(0)
