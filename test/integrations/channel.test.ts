import { once } from "node:events"
import http, { type IncomingMessage } from "node:http"
import { connect } from "node:http2"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Integration, Operation, Trace } from "../../src/core/contracts.ts"
import { awakened, ignore, subscribe } from "../../src/integrations/_channel.ts"
import { fetchIntegration } from "../../src/integrations/fetch.ts"
import { httpIntegration } from "../../src/integrations/http.ts"
import { http2Integration } from "../../src/integrations/http2.ts"
import { type Origin, startHttp, startHttp2 } from "./_origin.ts"

let origin: Origin
let origin2: Origin
beforeAll(async () => {
  origin = await startHttp()
  origin2 = await startHttp2()
})
afterAll(() => Promise.all([origin.close(), origin2.close()]))

async function get(): Promise<string> {
  const [response] = (await once(http.get(`${origin.url}/ok`), "response")) as [IncomingMessage]
  return text(response)
}

async function getWithArray(): Promise<string> {
  const [response] = (await once(http.get(`${origin.url}/ok`, { headers: ["Host", "localhost"] as never }), "response")) as [
    IncomingMessage,
  ]
  return text(response)
}

async function get2(): Promise<string> {
  const session = connect(origin2.url)
  const body = await text(session.request({ ":path": "/ok" }))
  session.destroy()
  return body
}

const clients: [name: string, integration: Integration<never, never>, send: () => Promise<string>][] = [
  ["http", httpIntegration as never, get],
  ["http with headers as an array", httpIntegration as never, getWithArray],
  ["fetch", fetchIntegration as never, async () => (await fetch(`${origin.url}/ok`)).text()],
  ["http2", http2Integration as never, get2],
]

const context = { traceId: "1".repeat(32), spanId: "1".repeat(16), traceFlags: 1, traceState: "", baggage: new Map() }
const operation: Operation<never> = {
  headers: {},
  context,
  learn() {},
  learnOfInvocation() {},
  defer: () => () => {},
  pause: () => () => {},
}

type Watch = (trace: Trace<never, never>, report: (mistake: unknown) => void) => () => void

/** Sends a request while a tracer of the test's own making is in place. */
async function sendWith(
  integration: Integration<never, never>,
  send: () => Promise<string>,
  trace: Trace<never, never>,
  report: (mistake: unknown) => void,
) {
  origin.received.length = origin2.received.length = 0
  const undo = (integration.watch as Watch)(trace, report)
  const body = await send().finally(undo)
  return { body, headers: [...origin.received, ...origin2.received][0]?.headers }
}

describe.each(clients)("%s", (_name, integration, send) => {
  const fault = () => {
    throw new Error("ours")
  }
  const traces: [name: string, trace: Trace<never, never>][] = [
    ["the tracer", fault],
    ["defer()", (_call, run) => run({ ...operation, defer: fault })],
    ["the end", (_call, run) => run({ ...operation, defer: () => fault })],
    ["learn()", (_call, run) => run({ ...operation, learn: fault })],
    ["the headers", (_call, run) => run(Object.defineProperty({ ...operation }, "headers", { get: fault }))],
  ]

  it.each(traces)("goes on as ever when %s throws, and tells", async (_what, trace) => {
    const mistakes: unknown[] = []
    const { body } = await sendWith(integration, send, trace, (mistake) => mistakes.push(mistake))
    expect(body).toBe("ok")
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(mistakes.map(String)).toContain("Error: ours")
  })

  it("goes on when the report throws, too", async () => {
    const { body } = await sendWith(integration, send, fault, fault)
    expect(body).toBe("ok")
  })

  it.each(["line\r\nbreak: 1", "\u0000", "☃"])("never sends what is no header: %j", async (value) => {
    const { body, headers } = await sendWith(
      integration,
      send,
      (_call, run) => run({ ...operation, headers: { traceparent: "00", tracestate: value } }),
      fault,
    )
    expect(body).toBe("ok")
    expect(headers?.["traceparent"]).toBeUndefined()
    expect(headers?.["break"]).toBeUndefined()
  })
})

it("hears nothing once it is undone", () => {
  const { channel } = process.getBuiltinModule("node:diagnostics_channel")
  const heard: unknown[] = []
  const undo = subscribe(
    "antifreeze:test",
    (message) => heard.push(message),
    () => {},
  )
  channel("antifreeze:test").publish(1)
  undo()
  channel("antifreeze:test").publish(2)
  expect(heard).toEqual([1])
  expect(channel("antifreeze:test").hasSubscribers).toBe(false)
})

it("whoever begins to listen because of a message gets it, also when another one wakes somebody meanwhile", () => {
  const heard: unknown[] = []
  const listen = (channel: string) => subscribe(channel, (message) => void heard.push([channel, message]), ignore)
  awakened("outer", 1, () => {
    listen("other")
    awakened("inner", 2, () => void listen("inner"))
    listen("outer")
  })
  listen("outer")
  expect(heard).toEqual([
    ["inner", 2],
    ["outer", 1],
  ])
})
