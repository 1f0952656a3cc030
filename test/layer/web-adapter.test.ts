// Servers behind the Lambda Web Adapter: against a double of the adapter (test/layer/adapter/lambda-adapter says what it is a double of).
import { spawn } from "node:child_process"
import { createServer, request } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { formatTraceHeader } from "../../src/core/propagation/xray.ts"
import type { EnvironmentOptions, Invocation, Runtime } from "../../src/environment/contracts.ts"
import { type Collector, type CollectorOptions, type ReceivedSpan, startCollector } from "../../src/viewer/collector.ts"
import { normal } from "../environment/_normal.ts"
import { late } from "../faults.ts"
import { freePort } from "../free-port.mjs"
import { node22, node24, runtimes } from "../runtimes/runtimes.ts"
import { albEvent, busEvent, httpEvent, mountBoth, openAdapted, restEvent, sqsEvent } from "./_adapter.ts"
import { functions } from "./bundles.ts"
import { WAITS_MS } from "./table.ts"

const both = [
  ["Node 22", runtimes.ric3, node22],
  ["Node 24", runtimes.ric4, node24],
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
  readonly traceHeader?: string
}

const XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793"

async function run({ events, env, gapMs = 0, traceHeader = XRAY, ...rest }: Run): Promise<Invocation[]> {
  const { port } = upstream.address() as AddressInfo
  const environment = await openAdapted({ ...rest, optRoot: opt.folder, env: { UPSTREAM: `http://127.0.0.1:${port}/`, ...env } })
  const invocations: Invocation[] = []
  try {
    for (const [n, event] of events.entries()) {
      const options = { requestId: `00000000-0000-0000-0000-0000000000${n + 10}`, traceHeader }
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

/** Messages have the W3C's headers. */
const messages = { OTEL_PROPAGATORS: "tracecontext" }

function rootOf(collector: Collected, { requestId }: Pick<Invocation, "requestId">): ReceivedSpan | undefined {
  return collector.spans.findLast(({ attributes }) => attributes["faas.invocation_id"] === requestId)
}

/** The producers that a root is linked to, and what they have sent. */
function causes(root: ReceivedSpan | undefined): unknown[] {
  return (root?.links ?? []).map(({ traceId, attributes }) => [Number(traceId), attributes["messaging.message.id"]])
}

/** An event in the adapter's words, in pieces that arrive one by one; gives the answer. */
async function post(port: number, requestId: string, pieces: readonly Uint8Array[]): Promise<string> {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const headers = {
    "x-amzn-request-context": "null",
    "x-amzn-lambda-context": JSON.stringify({ request_id: requestId, deadline: Date.now() + 5000 }),
    "content-length": length,
  }
  for (;;) {
    try {
      return await new Promise((resolve, reject) => {
        const sent = request({ port, method: "POST", path: "/events", headers, agent: false }, (response) => resolve(text(response)))
        sent.on("error", reject)
        sent.on("socket", (socket) => socket.setNoDelay())
        void (async () => {
          for (const piece of pieces) {
            sent.write(piece)
            await sleep(20)
          }
          sent.end()
        })()
      })
    } catch (error) {
      // Not listening yet.
      if ((error as { code?: string }).code !== "ECONNREFUSED") throw error
      await sleep(20)
    }
  }
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
  sqsEvent("one"),
]
const express = [
  httpEvent("GET", "/users/7"),
  httpEvent("POST", "/api/orders", '{"item":1}', { "content-type": "application/json" }),
  httpEvent("GET", "/api/broken/7"),
  httpEvent("GET", "/nowhere"),
  sqsEvent("one", "two"),
]

describe.each(both)("%s", (_name, runtime, node) => {
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
      ["orders process", "/events"],
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
      ["orders process"],
    ])
    expect(collector.spans.find(({ name }) => name === "orders process")?.attributes).toMatchObject({
      "aws.batch.failed_count": 2,
      "http.route": "/events",
    })
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

  test("events that are no requests: the same result, and roots as without the adapter, linked to each cause", async () => {
    const collector = await collect()
    // More than what the server and its socket hold: many chunks.
    const large = sqsEvent(...Array.from({ length: 140 }, () => "€".repeat(5_000)))
    const events = [sqsEvent("one", "bad", "three"), sqsEvent("one"), busEvent(), large, { own: "event" }]
    const bare = await run({ runtime, handler: "adapter/plain.sh", events, env: {} })
    const own = await run({ runtime, handler: "adapter/plain.sh", events, env: { ...collector.env, ...messages } })
    expect(own.map((one) => normal(one, runtime))).toEqual(bare.map((one) => normal(one, runtime)))
    expect(JSON.parse(String(own[3]?.payload))).toMatchObject({ records: 140, characters: JSON.stringify(large).length })
    expect(traces(collector, own)).toEqual([
      ["orders process", "/events"],
      ["orders process", "/events"],
      ["process shop.orders", "/events"],
      ["orders process", "/events"],
      ["function", "/events"],
    ])
    const [batch, single, bus, many, plainOne] = own.map((one) => rootOf(collector, one))
    expect([batch, single, bus, plainOne].map((root) => [root?.kind, root?.attributes["faas.trigger"], causes(root)])).toEqual([
      [
        "consumer",
        "pubsub",
        [
          [1, "message-1"],
          [2, "message-2"],
          [3, "message-3"],
        ],
      ],
      ["consumer", "pubsub", [[1, "message-1"]]],
      ["consumer", "pubsub", [[1, undefined]]],
      ["server", "other", []],
    ])
    expect(batch?.attributes).toMatchObject({
      "messaging.system": "aws_sqs",
      "messaging.destination.name": "orders",
      "messaging.batch.message_count": 3,
      "aws.batch.failed_count": 1,
      "http.request.method": "POST",
      "http.route": "/events",
      "http.response.status_code": 200,
      "url.path": "/events",
    })
    expect([many?.links.length, many?.dropped.links]).toEqual([128, 12])
    expect(bus?.attributes).toMatchObject({ "cloudevents.event_type": "OrderPlaced", "messaging.system": "aws.eventbridge" })
    expect([single?.parentSpanId, single?.attributes["aws.batch.failed_count"], batch?.status.code]).toEqual([
      undefined,
      undefined,
      "unset",
    ])
  })

  test("a cause that Lambda's trace header tells of is the parent, and no link besides", async () => {
    const collector = await collect()
    const traceHeader = formatTraceHeader({ traceId: "1".padStart(32, "0"), spanId: "1".padStart(16, "0") })
    const env = { ...collector.env, ...messages }
    const [only] = await run({ runtime, handler: "adapter/plain.sh", events: [busEvent()], env, traceHeader })
    const root = rootOf(collector, only as Invocation)
    expect([root?.name, Number(root?.traceId), Number(root?.parentSpanId), root?.links]).toEqual(["process shop.orders", 1, 1, []])
  })

  test("an event whose server crashes, or runs out of time, is told as what it is", async () => {
    const collector = await collect()
    const events = [sqsEvent("crash"), sqsEvent("hang")]
    const more = { timeoutMs: 1500 }
    const own = await run({ runtime, handler: "adapter/plain.sh", events, env: { ...collector.env, ...messages }, more, gapMs: 500 })
    const roots = own.map((one) => rootOf(collector, one))
    expect(roots.map((root) => [root?.name, root?.kind, causes(root)])).toEqual([
      ["orders process", "consumer", [[1, "message-1"]]],
      ["orders process", "consumer", [[1, "message-1"]]],
    ])
    expect(roots.map((root) => root?.attributes["antifreeze.ended"] ?? root?.attributes["antifreeze.unfinished"])).toEqual([
      "unhandledRejection",
      true,
    ])
  })

  test("a body in many pieces is understood, a broken one is left alone, and the server has both as they are", async () => {
    const collector = await collect()
    const port = await freePort()
    const server = spawn(node, ["--require", `${opt.folder}/nodejs/node_modules/antifreeze/preload.cjs`, "adapter/plain.mjs"], {
      cwd: functions,
      env: {
        ...collector.env,
        ...messages,
        UPSTREAM: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/`,
        AWS_LWA_PORT: String(port),
        AWS_LAMBDA_RUNTIME_API: "127.0.0.1:1",
      },
    })
    onTestFinished(() => void server.kill())
    const json = JSON.stringify(sqsEvent("one", "t€xt"))
    const bytes = Buffer.from(json)
    const euro = bytes.indexOf("€") + 1
    const pieces = [bytes.subarray(0, 1), bytes.subarray(1, euro), bytes.subarray(euro, -1), bytes.subarray(-1)]
    expect(await post(port, "pieces", pieces)).toBe(`{"records":2,"characters":${json.length},"batchItemFailures":[]}`)
    expect(await post(port, "broken", [bytes.subarray(0, 50)])).toBe('"broken"')
    await expect.poll(() => rootOf(collector, { requestId: "broken" }), { timeout: 5000 }).toBeDefined()
    const roots = ["pieces", "broken"].map((requestId) => rootOf(collector, { requestId }))
    expect(roots.map((root) => [root?.name, root?.kind, root?.attributes["http.response.status_code"], causes(root)])).toEqual([
      [
        "orders process",
        "consumer",
        200,
        [
          [1, "message-1"],
          [2, "message-2"],
        ],
      ],
      ["POST /events", "server", 200, []],
    ])
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
