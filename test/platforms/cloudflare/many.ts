// Many requests in one workerd, all of one trace: `node test/platforms/cloudflare/many.ts [requests]`. Nothing may leak, mix or be
// lost. Writes test/results/workers-many.json.
import { mkdirSync, writeFileSync } from "node:fs"
import { Agent, createServer, request } from "node:http"
import { createRequire } from "node:module"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { bundle, root } from "./_worker.ts"

const requests = Number(process.argv[2] ?? 100_000)
const inspectorPort = 9_500 + (process.pid % 400)
const { Miniflare } = createRequire(join(root, "test/platforms/fixtures/package.json"))("miniflare")

interface Sent {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly kind: number
  readonly attributes: readonly { key: string; value: { stringValue?: string } }[]
}

const roots = new Map<string, string>()
const children = new Map<string, string>()
let wrongTrace = 0
const TRACE = "c".repeat(32)
const tag = (span: Sent | undefined, key: string) => span?.attributes.find((each) => each.key === key)?.value.stringValue ?? ""

const collector = createServer((incoming, response) => {
  const chunks: Buffer[] = []
  incoming.on("data", (chunk) => chunks.push(chunk))
  incoming.on("end", () => {
    const spans: Sent[] = JSON.parse(String(Buffer.concat(chunks))).resourceSpans[0].scopeSpans[0].spans
    for (const span of spans) {
      if (span.traceId !== TRACE) wrongTrace++
      if (span.kind === 2) roots.set(span.spanId, tag(span, "url.path"))
      else children.set(tag(span, "n"), span.parentSpanId ?? "")
    }
    response.end("{}")
  })
}).listen(0, "127.0.0.1")
await new Promise((resolve) => collector.once("listening", resolve))

const source = `
import { tracer, withTracing } from "antifreeze"
export default withTracing({ async fetch(request) {
  const n = new URL(request.url).pathname
  await tracer.startActiveSpan("child", async (span) => { span.setTag("n", n); await new Promise((resolve) => setTimeout(resolve, 1)) })
  return new Response("ok")
} })`
const miniflare = new Miniflare({
  name: "main",
  modules: [{ type: "ESModule", path: "w.mjs", contents: await bundle(source) }],
  compatibilityDate: "2026-07-30",
  compatibilityFlags: ["nodejs_compat"],
  cf: false,
  host: "127.0.0.1",
  inspectorPort,
  unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  bindings: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` },
})
await miniflare.ready
const url: URL = await miniflare.unsafeGetDirectURL("main")
const socket = new WebSocket(`ws://127.0.0.1:${inspectorPort}/core:user:main`)
await new Promise((resolve) => socket.addEventListener("open", resolve))
let id = 0
const inspect = (method: string) =>
  new Promise<{ usedSize: number }>((resolve) => {
    const own = ++id
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(String(data))
      if (message.id === own) resolve(message.result)
    })
    socket.send(JSON.stringify({ id: own, method }))
  })

/** The runtime acts on the order to collect, but never answers it; and only when it is at work. */
async function heap(): Promise<number> {
  for (let n = 0; n < 3; n++) {
    void inspect("HeapProfiler.collectGarbage")
    await fetch(new URL("/gc", url), { headers: { traceparent: `00-${TRACE}-${"d".repeat(16)}-00` } })
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  return (await inspect("Runtime.getHeapUsage")).usedSize
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const traceparent = `00-${TRACE}-${"d".repeat(16)}-01`

/** Once more on another socket where the runtime has closed this one meanwhile (Node, "request.reusedSocket"). */
function send(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { agent, headers: { traceparent } }, (response) => response.resume().on("end", resolve))
    sent.on("error", (error) => (sent.reusedSocket ? send(path).then(resolve, reject) : reject(error))).end()
  })
}

let next = 0
async function load(count: number): Promise<void> {
  const end = next + count
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (next < end) {
        const path = `/r${next++}`
        await send(path)
      }
    }),
  )
}

const warmUp = Math.min(5_000, requests / 10)
await load(warmUp)
const before = await heap()
await load(requests - warmUp)
await new Promise((resolve) => setTimeout(resolve, 1000))
const after = await heap()
// By ids, not by batch: what a lost connection has kept goes out with the next invocation's spans.
const mixed = [...children].filter(([path, parent]) => roots.get(parent) !== path).length
const result = {
  requests,
  roots: new Set(roots.values()).size,
  children: children.size,
  mixed,
  wrongTrace,
  heapBytesPerRequest: Math.round(((after - before) / (requests - warmUp)) * 100) / 100,
}
console.table(result)
mkdirSync(join(root, "test/results"), { recursive: true })
writeFileSync(join(root, "test/results/workers-many.json"), `${JSON.stringify(result, undefined, 2)}\n`)
const sound =
  result.roots === requests && result.children === requests && mixed === 0 && wrongTrace === 0 && result.heapBytesPerRequest < 50
process.exit(sound ? 0 : 1)
