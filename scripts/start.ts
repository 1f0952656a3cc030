// npm start: a sample function in a local Lambda environment that freezes, its traces drawn as they arrive.
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type RequestListener } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { styleText } from "node:util"
import { numberOf, readArguments, UsageError } from "../src/cli/_arguments.ts"
import { type Drawings, drawTraces, interrupted, tellRefusals } from "../src/cli/_draw.ts"
import { PORT } from "../src/cli/dev.ts"
import type { Invocation } from "../src/environment/contracts.ts"
import { openEnvironment } from "../src/environment/environment.ts"
import { ownRuntime } from "../src/environment/runtimes.ts"
import { type Batch, type Collector, type CollectorOptions, startCollector } from "../src/viewer/collector.ts"
import { renderWaterfall } from "../src/viewer/waterfall.ts"
import { certificate } from "../test/_certificate.ts"

const sample = fileURLToPath(new URL("../examples/lambda/", import.meta.url))
const SPANS = ["GET /orders/{id}", "GET", "GET", "assemble order"]
const UPSTREAM_MS = { prices: 40, stock: 65 }

const USAGE = `Usage: npm start [-- --times N] [--once] [--port N] [--no-build]
       npm start -- workers [--no-build]

Builds the package and runs a sample function in a local Lambda environment, or the example Worker in workerd.

  --times N      invocations, one after the other (3)
  --once         end after them; else the collector stays up and draws what it is sent
  --port N       where the collector listens, if it can (4318)
  --no-build     run what was built last
`
const { times, once, port, workers } = await read(process.argv.slice(2))
if (workers) {
  execFileSync(process.execPath, [fileURLToPath(new URL("../test/platforms/install.mjs", import.meta.url))], { stdio: "inherit" })
  await import("./start-workers.ts")
  process.exit()
}
const { cert, key } = await certificate()
const folder = mkdtempSync(join(tmpdir(), "antifreeze-start-"))
const certFile = join(folder, "ca.pem")
writeFileSync(certFile, cert)

const prices = await listen(createServer(answer({ items: [1900, 4250] }, UPSTREAM_MS.prices)))
const stock = await listen(createTlsServer({ cert, key }, answer({ inStock: true }, UPSTREAM_MS.stock)))
/** Of what comes once the sample has been shown. */
let drawings: Drawings | undefined
const collector = await openCollector()
const environment = openEnvironment({
  handler: "handler.handler",
  taskRoot: sample,
  functionName: "orders",
  runtime: ownRuntime(),
  onLog: (line) => console.log(styleText("dim", `  | ${line}`)),
  env: {
    PRICES_URL: `http://127.0.0.1:${prices.port}`,
    STOCK_URL: `https://localhost:${stock.port}`,
    NODE_EXTRA_CA_CERTS: certFile,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  },
})

console.log(`A sample function in a local Lambda environment on Node ${process.versions.node}, frozen as soon as it may be.`)
console.log(
  styleText(
    "dim",
    `It calls two services that take ${UPSTREAM_MS.prices} and ${UPSTREAM_MS.stock} ms; the collector takes 25 ms to answer.\n`,
  ),
)
const event: unknown = JSON.parse(readFileSync(join(sample, "event.json"), "utf8"))
let failed = false
try {
  for (let count = 1; count <= times; count++) {
    const before = collector.batches.length
    const invocation = await environment.invoke(event)
    failed = !show(count, invocation, collector.batches.slice(before)) || failed
  }
} finally {
  await environment.close()
  prices.close()
  stock.close()
  rmSync(folder, { recursive: true, force: true })
}
if (failed) process.exitCode = 1
if (!once && !failed) {
  drawings = drawTraces(() => collector.spans)
  console.log(`The collector stays up. Send it spans from any function or program (ctrl-C ends it):\n`)
  console.log(`  OTEL_EXPORTER_OTLP_ENDPOINT=${collector.url} OTEL_EXPORTER_OTLP_PROTOCOL=http/json node app.js`)
  await interrupted()
  drawings.flush()
}
await collector.close()

/** Reads the arguments, and builds when they are right. */
async function read(args: string[]): Promise<{ times: number; once: boolean; port: number; workers: boolean }> {
  try {
    const flag = { type: "boolean", default: false } as const
    const { values, positionals } = readArguments(args, {
      times: { type: "string", default: "3" },
      once: flag,
      port: { type: "string", default: PORT },
      "no-build": flag,
      help: { ...flag, short: "h" },
    })
    if (values.help) return leave(0, USAGE)
    const [what, ...more] = positionals
    if (what !== undefined && (what !== "workers" || more.length > 0))
      throw new UsageError(`there is no ${positionals.join(" ")} to start.`)
    if (what !== undefined && args.some((argument) => /^--(times|once|port)/.test(argument)))
      throw new UsageError("the example Worker takes --no-build alone.")
    const times = numberOf("--times", values.times, 1, 1_000_000)
    const port = numberOf("--port", values.port, 0, 65_535)
    if (!values["no-build"]) await import("./build.mjs")
    return { times, once: values.once, port, workers: what === "workers" }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return leave(2, `[antifreeze] ${error.message}\n\n${USAGE}`)
  }
}

function leave(code: number, text: string): never {
  ;(code === 0 ? process.stdout : process.stderr).write(text)
  process.exit(code)
}

/** Draws what came of one invocation; false when something is missing. */
function show(count: number, invocation: Invocation, batches: readonly Batch[]): boolean {
  const frozenAtMs = invocation.frozenAtMs ?? 0
  const inTime = batches.filter((batch) => batch.receivedAtMs <= frozenAtMs).flatMap((batch) => batch.spans)
  const expected = [...SPANS, ...(invocation.coldStart ? ["init"] : [])]
  const missing = without(
    expected,
    inTime.map((span) => span.name),
  )
  const facts = [
    styleText("bold", `Invocation ${count}`),
    invocation.coldStart ? `cold, init ${ms(invocation.initMs)}` : "warm",
    `response after ${ms(invocation.responseMs)}`,
    `held ${ms(invocation.heldMs)} after the response`,
    missing.length === 0
      ? styleText("green", `✓ all ${inTime.length} spans delivered before the freeze`)
      : styleText("red", `✗ missing before the freeze: ${missing.join(", ")}`),
  ]
  console.log(`${facts.join(styleText("dim", " · "))}\n`)
  console.log(`${renderWaterfall(inTime, { width: Math.min(process.stdout.columns || 100, 120), color: styleText("red", "x") !== "x" })}\n`)
  if (invocation.functionError !== undefined) console.log(styleText("red", `✗ the function failed: ${invocation.payload.toString()}`))
  return missing.length === 0 && invocation.functionError === undefined
}

function without(names: readonly string[], found: readonly string[]): string[] {
  const left = [...found]
  return names.filter((name) => {
    const at = left.indexOf(name)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

function ms(value: number | undefined): string {
  return `${(value ?? 0).toFixed(value !== undefined && value < 10 ? 1 : 0)} ms`
}

/** Where OpenTelemetry's SDKs look, if it is free. */
async function openCollector(): Promise<Collector> {
  const onRequest = () => new Promise<boolean>((resolve) => setTimeout(resolve, 25, false))
  const options: CollectorOptions = { onRequest, onSpans: (spans) => drawings?.add(spans), onRefusal: tellRefusals() }
  if (once) return startCollector(options)
  return startCollector({ ...options, port }).catch(() => startCollector(options))
}

function answer(body: unknown, delayMs: number): RequestListener {
  return (_request, response) => {
    setTimeout(() => response.setHeader("content-type", "application/json").end(JSON.stringify(body)), delayMs)
  }
}

async function listen(server: ReturnType<typeof createServer>): Promise<{ port: number; close(): void }> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
