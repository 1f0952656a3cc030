// Servers behind the Lambda Web Adapter: against a double of the adapter (test/layer/adapter/lambda-adapter says what it is a double of).
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import type { EnvironmentOptions, Invocation, Runtime } from "../../src/environment/contracts.ts"
import { type Collector, type CollectorOptions, startCollector } from "../../src/viewer/collector.ts"
import { normal } from "../environment/_normal.ts"
import { late } from "../faults.ts"
import { runtimes } from "../runtimes/runtimes.ts"
import { albEvent, httpEvent, mountBoth, openAdapted, restEvent } from "./_adapter.ts"
import { WAITS_MS } from "./table.ts"

const both = [
  ["Node 22", runtimes.ric3],
  ["Node 24", runtimes.ric4],
] as const
const upstream = createServer((request, response) => void response.end(request.headers["traceparent"] === undefined ? "alone" : "traced"))
const opt = mountBoth()
const ours = { AWS_LAMBDA_EXEC_WRAPPER: `${opt.folder}/antifreeze` }
const quiet = { OTEL_PROPAGATORS: "none" }

beforeAll(() => new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve)))
afterAll(() => {
  upstream.close()
  opt.remove()
})

interface Run {
  readonly runtime: Runtime
  readonly handler: string
  readonly events: readonly object[]
  readonly env: Readonly<Record<string, string>>
  readonly more?: Partial<EnvironmentOptions>
  /** Between invocations: a crash that the client hears of from the adapter has yet to end the environment. */
  readonly gapMs?: number
}

async function run({ events, env, gapMs = 0, ...rest }: Run): Promise<Invocation[]> {
  const { port } = upstream.address() as AddressInfo
  const environment = await openAdapted({ ...rest, optRoot: opt.folder, env: { UPSTREAM: `http://127.0.0.1:${port}/`, ...env } })
  const invocations: Invocation[] = []
  try {
    for (const [n, event] of events.entries()) {
      const options = { requestId: `00000000-0000-0000-0000-0000000000${n + 10}`, traceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793" }
      invocations.push(await environment.invoke(event, options))
      if (gapMs > 0) await sleep(gapMs)
    }
  } finally {
    await environment.close()
  }
  return invocations
}

interface Collected extends Collector {
  /** When each span had arrived. */
  readonly arrivedAtMs: ReadonlyMap<string, number>
  readonly env: Readonly<Record<string, string>>
}

async function collect(options: CollectorOptions = {}): Promise<Collected> {
  const arrivedAtMs = new Map<string, number>()
  const onSpans: CollectorOptions["onSpans"] = (spans, { receivedAtMs }) => {
    for (const { spanId } of spans) arrivedAtMs.set(spanId, receivedAtMs)
  }
  const collector = await startCollector({ ...options, onSpans })
  onTestFinished(() => collector.close())
  return Object.assign(collector, {
    arrivedAtMs,
    env: { ...ours, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_TIMEOUT: "2000" },
  })
}

/** Name of the root span, and names of the calls below it, of each invocation. */
function traces(collector: Collected, invocations: readonly Invocation[]): [root: string | undefined, ...calls: string[]][] {
  // A delivery that the freeze has interrupted is made again, with the same ids.
  const spans = [...new Map(collector.spans.map((span) => [span.spanId, span])).values()]
  return invocations.map(({ requestId }) => {
    const root = spans.find(({ attributes }) => attributes["faas.invocation_id"] === requestId)
    const calls = spans.filter(({ kind, parentSpanId }) => kind === "client" && parentSpanId === root?.spanId)
    return [root?.name, ...calls.map(({ attributes }) => new URL(String(attributes["url.full"])).pathname)]
  })
}

const plain = [
  httpEvent("GET", "/call"),
  httpEvent("GET", "/seen"),
  httpEvent("POST", "/echo", "body"),
  httpEvent("GET", "/stream"),
  httpEvent("GET", "/self"),
  httpEvent("GET", "/cut"),
  httpEvent("GET", "/none"),
  restEvent("GET", "/call"),
  albEvent("GET", "/call"),
  { Records: [{ messageId: "1", eventSource: "aws:sqs", body: "one" }] },
]
const express = [
  httpEvent("GET", "/users/7"),
  httpEvent("POST", "/api/orders", '{"item":1}', { "content-type": "application/json" }),
  httpEvent("GET", "/api/broken/7"),
  httpEvent("GET", "/nowhere"),
]

describe.each(both)("%s", (_name, runtime) => {
  test("a plain server: the same result as without us, one trace for each invocation, complete before the freeze", async () => {
    const collector = await collect()
    const bare = await run({ runtime, handler: "adapter/plain.sh", events: plain, env: {} })
    const own = await run({ runtime, handler: "adapter/plain.sh", events: plain, env: { ...collector.env, ...quiet } })
    expect(own.map((one) => normal(one, runtime))).toEqual(bare.map((one) => normal(one, runtime)))
    expect(traces(collector, own)).toEqual([
      ["GET", "/call"],
      ["GET"],
      ["POST", "/echo"],
      ["GET", "/stream"],
      ["GET", "/call", "/call"],
      ["GET"],
      ["GET"],
      ["GET /{proxy+}", "/call"],
      ["GET", "/call"],
      ["POST /events", "/events"],
    ])
    // The bare one shows that the comparison is not of nothing.
    expect(bare.map(({ payload }) => payload.toString()).filter((text) => text.includes('"statusCode":200')).length).toBe(7)
    for (const { requestId, frozenAtMs = 0 } of own) {
      const { traceId } = collector.spans.find(({ attributes }) => attributes["faas.invocation_id"] === requestId) ?? {}
      const arrived = collector.spans.filter((span) => span.traceId === traceId).map(({ spanId }) => collector.arrivedAtMs.get(spanId))
      expect(Math.max(...arrived.map((ms) => ms ?? Number.POSITIVE_INFINITY))).toBeLessThan(frozenAtMs)
    }
  })

  test("Express: the same result, and roots named after its routes", async () => {
    const collector = await collect()
    const bare = await run({ runtime, handler: "adapter/express.sh", events: express, env: {} })
    const own = await run({ runtime, handler: "adapter/express.sh", events: express, env: collector.env })
    expect(own.map((one) => normal(one, runtime))).toEqual(bare.map((one) => normal(one, runtime)))
    expect(traces(collector, own)).toEqual([
      ["GET /users/:id", "/users"],
      ["POST /api/orders", "/orders"],
      ["GET /api/broken/:id"],
      ["GET"],
    ])
    const broken = collector.spans.find(({ name }) => name === "GET /api/broken/:id")
    expect([broken?.kind, broken?.status.code]).toEqual(["server", "error"])
    expect(broken?.attributes).toMatchObject({
      "faas.trigger": "http",
      "faas.coldstart": false,
      "aws.lambda.invoked_arn": "arn:aws:lambda:us-east-1:123456789012:function:function",
      "cloud.account.id": "123456789012",
      "http.request.method": "GET",
      "http.route": "/api/broken/:id",
      "http.response.status_code": 500,
      "url.path": "/api/broken/7",
      "url.scheme": "https",
      "server.address": "shop.example",
      "client.address": "192.0.2.1",
      "user_agent.original": "test",
    })
  })

  test("a streamed response: the same bytes, and the root lasts until the end", async () => {
    const collector = await collect()
    const events = [httpEvent("GET", "/stream"), httpEvent("GET", "/call")]
    const streaming = { AWS_LWA_INVOKE_MODE: "response_stream" }
    const bare = await run({ runtime, handler: "adapter/plain.sh", events, env: streaming })
    const own = await run({ runtime, handler: "adapter/plain.sh", events, env: { ...streaming, ...collector.env, ...quiet } })
    expect(own.map((one) => normal(one, runtime))).toEqual(bare.map((one) => normal(one, runtime)))
    expect([own[0]?.streaming, String(own[0]?.payload).endsWith("one\ntwo\nthree\n")]).toEqual([true, true])
    const root = collector.spans.find(({ attributes }) => attributes["faas.invocation_id"] === own[0]?.requestId)
    expect((root?.endUs ?? 0) - (root?.startUs ?? 0)).toBeGreaterThan(95_000)
  })

  test("the trace goes on: from the request's headers to the calls", async () => {
    const collector = await collect()
    const parent = { traceparent: "00-11111111111111111111111111111111-2222222222222222-01" }
    const [first] = await run({
      runtime,
      handler: "adapter/plain.sh",
      events: [httpEvent("GET", "/call", undefined, parent)],
      env: collector.env,
    })
    const { body } = JSON.parse(String(first?.payload)) as { body: string }
    expect(Buffer.from(body, "base64").toString()).toBe('{"got":"traced"}')
    const root = collector.spans.find(({ kind }) => kind === "server")
    expect([root?.traceId, root?.parentSpanId]).toEqual(["1".repeat(32), "2".repeat(16)])
    expect(root?.attributes["faas.coldstart"]).toBe(true)
  })

  test("with a collector that takes 250 ms, the response does not wait for it, and the freeze does", {
    timeout: 60_000,
    retry: 2,
  }, async () => {
    const collector = await collect({ onRequest: late(250) })
    const open = (env: Readonly<Record<string, string>>) => openAdapted({ runtime, optRoot: opt.folder, handler: "adapter/plain.sh", env })
    const [bare, own] = await Promise.all([open({}), open(collector.env)])
    const [bareMs, ownMs, heldMs]: [number[], number[], number[]] = [[], [], []]
    for (let n = 0; n < 14; n++) {
      bareMs.push((await bare.invoke(httpEvent("GET", "/none"))).responseMs)
      const { responseMs, heldMs: held } = await own.invoke(httpEvent("GET", "/none"))
      ownMs.push(responseMs)
      heldMs.push(held)
    }
    await Promise.all([bare.close(), own.close()])
    // The machine has other things to do as well: the fastest of each tell what is ours.
    const [without, layered] = [bareMs, ownMs].map((all) => Math.min(...all.slice(2))) as [number, number]
    console.log(`${runtime.name}: response after ${layered.toFixed(2)} ms, bare ${without.toFixed(2)} ms`)
    expect(layered - without).toBeLessThan(WAITS_MS)
    expect(Math.min(...heldMs)).toBeGreaterThan(240)
    expect(collector.spans.filter(({ name }) => name === "GET")).toHaveLength(14)
  })

  test("a server that crashes: the client has what it has without us, and the invocation is told with its error", async () => {
    const collector = await collect()
    const events = [httpEvent("GET", "/call"), httpEvent("GET", "/crash"), httpEvent("GET", "/call")]
    const bare = await run({ runtime, handler: "adapter/plain.sh", events, env: {}, gapMs: 500 })
    const own = await run({ runtime, handler: "adapter/plain.sh", events, env: { ...collector.env, ...quiet }, gapMs: 500 })
    const [before, crash, after] = own
    for (const [n, one] of [before, , after].entries())
      if (one) expect(normal(one, runtime)).toEqual(normal(bare[n] as Invocation, runtime))
    // Whether the adapter tells the client first, or Lambda, is a race with or without us.
    const logs = (one: Invocation | undefined) => (normal(one as Invocation, runtime) as { logs: string }).logs
    expect([logs(crash), crash?.reset]).toEqual([logs(bare[1]), "Runtime.ExitError"])
    expect(["unhandled", "Runtime.ExitError"]).toContain(crash?.functionError)
    expect(traces(collector, own)).toEqual([
      ["GET", "/call"],
      ["GET", "/crash"],
      ["GET", "/call"],
    ])
    const crashed = collector.spans.find(({ attributes }) => attributes["antifreeze.ended"] === "unhandledRejection")
    expect([crashed?.kind, crashed?.status]).toEqual(["server", { code: "error", message: "out of order" }])
  })

  test("a server that cannot start is a span that tells the error", async () => {
    const collector = await collect()
    const events = [httpEvent("GET", "/")]
    const bare = await run({ runtime, handler: "adapter/fails.sh", events, env: {} })
    const own = await run({ runtime, handler: "adapter/fails.sh", events, env: collector.env })
    expect(own.map((one) => normal(one, runtime))).toEqual(bare.map((one) => normal(one, runtime)))
    // A failed init is tried again within the first invocation.
    const told = collector.spans.map(({ name, status }) => [name, status.message])
    expect(told).toEqual([
      ["init", "no database"],
      ["init", "no database"],
    ])
  })

  const on: [string, Record<string, string>][] = [
    ["by our wrapper, which finds the adapter's", {}],
    ["by our wrapper, which is told the adapter's", { ANTIFREEZE_NEXT_WRAPPER: `${opt.folder}/bootstrap` }],
    [
      "by NODE_OPTIONS, beside the adapter's wrapper",
      {
        AWS_LAMBDA_EXEC_WRAPPER: `${opt.folder}/bootstrap`,
        NODE_OPTIONS: `--no-warnings --require ${opt.folder}/nodejs/node_modules/antifreeze/preload.cjs`,
      },
    ],
    ["where the adapter looks for an open port only", { AWS_LWA_READINESS_CHECK_PROTOCOL: "TCP" }],
  ]
  test.each(on)("is switched on %s", async (_how, env) => {
    const collector = await collect()
    const [first] = await run({
      runtime,
      handler: "adapter/plain.sh",
      events: [httpEvent("GET", "/seen")],
      env: { ...collector.env, ...env },
    })
    const seen = JSON.parse(Buffer.from(JSON.parse(String(first?.payload)).body, "base64").toString()) as { NODE_OPTIONS?: string }
    expect([first?.extensions.sort(), seen.NODE_OPTIONS]).toEqual([
      ["antifreeze", "lambda-adapter"],
      env["NODE_OPTIONS"] && "--no-warnings",
    ])
    expect(collector.spans.map(({ name }) => name)).toEqual(["init", "GET"])
  })

  test("a server that npm starts is traced, and npm is not", async () => {
    const collector = await collect()
    const events = [httpEvent("GET", "/call"), httpEvent("GET", "/crash")]
    const [first] = await run({ runtime, handler: "adapter/npm.sh", events, env: { ...collector.env, HOME: opt.folder } })
    expect(first?.extensions.sort()).toEqual(["antifreeze", "lambda-adapter"])
    expect(collector.spans.filter(({ kind }) => kind !== "client").map(({ name }) => name)).toEqual(["init", "GET", "GET"])
  })

  test("where the registration is refused, nothing is said and nothing breaks", async () => {
    const collector = await collect()
    const events = [httpEvent("GET", "/call"), httpEvent("GET", "/call")]
    const bare = await run({ runtime, handler: "adapter/taken.sh", events, env: {} })
    const own = await run({ runtime, handler: "adapter/taken.sh", events, env: { ...collector.env, ...quiet } })
    expect(own.map((one) => normal(one, runtime))).toEqual(bare.map((one) => normal(one, runtime)))
    // What the freeze has stopped goes on with the next invocation.
    expect(traces(collector, own)[0]).toEqual(["GET", "/call"])
  })

  test("does nothing without an endpoint, and registers nothing", async () => {
    const [first] = await run({ runtime, handler: "adapter/plain.sh", events: [httpEvent("GET", "/call")], env: ours })
    expect([first?.functionError, first?.extensions]).toEqual([undefined, ["lambda-adapter"]])
  })

  test("concurrent invocations of Managed Instances are traced apart", async () => {
    const collector = await collect()
    const { port } = upstream.address() as AddressInfo
    const environment = await openAdapted({
      ...{ runtime, optRoot: opt.folder, handler: "adapter/plain.sh", more: { maxConcurrency: 8 } },
      env: { ...collector.env, UPSTREAM: `http://127.0.0.1:${port}/` },
    })
    const invocations = await Promise.all(
      Array.from({ length: 24 }, (_, n) => environment.invoke(n % 2 ? httpEvent("POST", "/echo", "body") : httpEvent("GET", "/call"))),
    )
    await collector.waitForSpans(48)
    await environment.close()
    expect(traces(collector, invocations)).toEqual(invocations.map((_, n) => (n % 2 ? ["POST", "/echo"] : ["GET", "/call"])))
  })
})
