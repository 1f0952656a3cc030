import { Agent, request } from "node:http"
import { afterEach, expect, it } from "vitest"
import { encodeTraces } from "../src/otlp/encode.ts"
import { type Collector, startCollector } from "../src/viewer/collector.ts"
import {
  closeIdle,
  endless,
  type Fault,
  garbage,
  inTurn,
  late,
  never,
  notHttp,
  partial,
  resetAfter,
  resetBefore,
  status,
} from "./faults.ts"
import { record, spanId } from "./otlp/_records.ts"

const BODY = encodeTraces([record({ spanId: spanId(1) })], new Map(), { name: "", version: "" })
let collector: Collector
const agent = new Agent({ keepAlive: true })
afterEach(() => {
  agent.destroy()
  return collector.close()
})

it("late: keeps the spans, and answers later", { retry: 2 }, async () => {
  await play(late(60))
  const started = performance.now()
  expect(await send()).toMatchObject({ status: 200, text: "{}" })
  expect(performance.now() - started).toBeGreaterThan(55)
  expect(collector.batches[0]!.receivedAtMs).toBeLessThan(performance.timeOrigin + started + 50)
})

it("status: keeps nothing, and plays in turn", async () => {
  await play(inTurn(status(503, { "retry-after": "1" }), undefined, status(429)))
  expect(await send()).toMatchObject({ status: 503, headers: { "retry-after": "1" } })
  expect(collector.spans).toHaveLength(0)
  expect((await send()).status).toBe(200)
  expect((await send()).status).toBe(429)
  expect((await send()).status).toBe(200)
  expect(collector.spans).toHaveLength(2)
})

it.each([false, true])("never: no answer, spans kept: %s", async (keep) => {
  await play(never({ keep }))
  await expect(send({ timeoutMs: 60 })).rejects.toThrow("no answer")
  expect(collector.spans).toHaveLength(keep ? 1 : 0)
})

it.each([
  ["resetBefore", resetBefore(), 0],
  ["resetAfter", resetAfter(), 0],
  ["resetAfter, kept", resetAfter({ keep: true }), 1],
])("%s: resets the connection", async (_name, fault, kept) => {
  await play(fault)
  await expect(send()).rejects.toMatchObject({ code: "ECONNRESET" })
  expect(collector.spans).toHaveLength(kept)
})

it.each([
  [{ hint: true }, "timeout=1"],
  [{ hint: false }, undefined],
])("closeIdle: answers, and closes the idle connection, %j", async (options, hint) => {
  await play(closeIdle(30, options))
  const answer = await send()
  expect(answer).toMatchObject({ status: 200, headers: { connection: "keep-alive" } })
  expect(answer.headers["keep-alive"]).toBe(hint)
  await answer.closed
})

it("partial: 200 with rejected spans", async () => {
  await play(partial(1, "too old"))
  expect(await send()).toMatchObject({ status: 200, text: '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}' })
})

it("garbage: 200 with what is no JSON", async () => {
  await play(garbage())
  const { status, text } = await send()
  expect(status).toBe(200)
  expect(() => JSON.parse(text)).toThrow()
})

it("notHttp: bytes that no client can parse", async () => {
  await play(notHttp())
  await expect(send()).rejects.toMatchObject({ code: /^HPE_/ as unknown as string })
})

it("endless: an answer without an end", async () => {
  await play(endless())
  await expect(send({ maxBytes: 100_000 })).rejects.toThrow("too long")
})

async function play(fault: Fault): Promise<void> {
  collector = await startCollector({ onRequest: fault })
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: NodeJS.Dict<string | string[]>
  readonly closed: Promise<void>
}

function send({ timeoutMs = 5_000, maxBytes = 1e6 }: { timeoutMs?: number; maxBytes?: number } = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const sent = request(
    `${collector.url}/v1/traces`,
    { method: "POST", agent, headers: { "content-type": "application/json" } },
    async (response) => {
      const closed = new Promise<void>((closes) => response.socket.once("close", () => closes()))
      let text = ""
      for await (const chunk of response) {
        text += chunk
        if (text.length > maxBytes) return sent.destroy(new Error("too long"))
      }
      resolve({ status: response.statusCode!, text, headers: response.headers, closed })
    },
  )
  sent.setTimeout(timeoutMs, () => sent.destroy(new Error("no answer")))
  sent.on("error", reject)
  sent.end(BODY)
  return promise
}
