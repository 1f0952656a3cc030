import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import type { ReceivedSpan } from "../../../src/viewer/collector.ts"
import { startEveryBinding } from "./_every-binding.ts"
import { calls, type Row, untested } from "./_rows.ts"
import { root, type Worker } from "./_worker.ts"

let worker: Worker
let twin: Worker
const printed = { traced: "", twin: "" }
beforeAll(async () => {
  ;[worker, twin] = await Promise.all([
    startEveryBinding({ onPrint: (text) => (printed.traced += text) }),
    startEveryBinding({ bare: true, onPrint: (text) => (printed.twin += text) }),
  ])
})
afterAll(async () => {
  await Promise.all([worker?.dispose(), twin?.dispose()])
})
beforeEach(() => worker.collector.clear())

const results: { what: string; spans: number; expected: number; same: boolean }[] = []

const brief = (spans: readonly ReceivedSpan[]) =>
  spans
    .map(
      ({ name, kind, status, links }) =>
        `${kind} ${name}${status.code === "error" ? " failed" : ""}${links.length > 0 ? ` links=${links.length}` : ""}`,
    )
    .sort()

describe("in workerd, with its local stand-ins", () => {
  test.each(calls)(
    "$what: spans as expected, and the same answer as the untraced twin",
    async ({ what, path, spans: expected, differs }: Row) => {
      const answer = await worker.get(path)
      const same = answer === (await twin.get(path))
      const got = brief(await worker.spans(expected.length))
      results.push({
        what,
        spans: got.filter((each) => expected.includes(each)).length,
        expected: expected.length,
        same: same || differs === true,
      })
      expect(got).toEqual([...expected].sort())
      if (differs !== true) expect(same).toBe(true)
    },
  )

  test("calls of all of these print no more than those of the untraced twin: the stand-in for email does", () => {
    const [traced, bare] = [printed.traced, printed.twin].map((text) => text.replace(/\/\S+\.eml/, "FILE"))
    expect(bare?.match(/\n/g)).toHaveLength(2)
    expect(traced).toBe(bare)
  })

  test("a child span belongs to the call that made it, on both sides of RPC", async () => {
    await worker.get("/do-rpc")
    const spans = await worker.spans(3)
    const [root, client, server] = ["GET", "OBJECT/hello", "Obj/hello"].map((name) => spans.find((span) => span.name === name))
    expect(client?.parentSpanId).toBe(root?.spanId)
    expect(server?.parentSpanId).toBe(client?.spanId)
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(1)
  })

  test("a queue on the list carries the trace, the consumer links to it, and the handler sees the body as it was sent", async () => {
    await worker.get("/queue")
    const spans = await worker.spans((all) => all.some((span) => span.name === "process jobs"))
    const sent = spans.filter((span) => span.name === "send QUEUE")
    const consumer = spans.find((span) => span.name === "process jobs")
    expect(consumer?.links.map((link) => link.spanId).sort()).toEqual(sent.map((span) => span.spanId).sort())
    expect(consumer?.parentSpanId).toBeUndefined()
    expect(consumer?.attributes).toMatchObject({
      "messaging.batch.message_count": 3,
      "cloudflare.queue.acked": 1,
      "cloudflare.queue.implicit": 2,
    })
    const bodies: unknown[] = JSON.parse(await worker.get("/seen"))
    expect(bodies).toEqual(expect.arrayContaining([{ n: 1 }, { n: 2 }, "text"]))
    expect(JSON.stringify(bodies)).not.toContain("antifreeze")
  })

  test("an argument of RPC that carries the trace is seen by nobody", async () => {
    expect(JSON.parse(await worker.get("/service-argc"))).toEqual([2, 2])
  })

  test("a Workflow is one trace: its steps, and a root from its creation to its end", async () => {
    await worker.get("/workflow")
    const spans = await worker.spans((all) => all.some((span) => span.name === "Flow run"))
    const run = spans.find((span) => span.name === "Flow run")
    const steps = spans.filter((span) => span.name === "first" || span.name === "second")
    expect(steps.map((span) => [span.name, span.status.code, span.parentSpanId])).toEqual([
      ["first", "unset", run?.spanId],
      ["second", "error", run?.spanId],
      ["second", "unset", run?.spanId],
    ])
    expect(run?.durationUs).toBeGreaterThan(100_000)
  })

  test("hibernated WebSocket handlers have a root span each", async () => {
    const socket = new WebSocket(new URL("/do-socket", worker.url.replace("http", "ws")))
    await new Promise((resolve) => socket.addEventListener("open", resolve))
    const answer = new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)))
    socket.send("hi")
    expect(await answer).toBe("echo hi")
    socket.close(1000)
    const spans = await worker.spans((all) => all.some((span) => span.name === "Obj webSocketClose"))
    const names = spans.map((span) => span.name)
    expect(names).toEqual(expect.arrayContaining(["Obj webSocketMessage", "Obj webSocketClose"]))
    results.push({ what: "hibernated WebSocket", spans: 2, expected: 2, same: true })
  })

  test("env looks the same to JSON and to whoever looks at it", async () => {
    const plain = (text: string) => text.replace(/"(id|timestamp)\\?":\\?"[^"]*"/g, "").replace(/http:[^"]*/g, "")
    for (const path of ["/json", "/shape"]) expect(plain(await worker.get(path))).toBe(plain(await twin.get(path)))
  })

  test("scheduled", async () => {
    await worker.miniflare
      .getWorker("main")
      .then((main) => main.scheduled({ cron: "*/5 * * * *", scheduledTime: new Date(1_700_000_000_000) }))
    const spans = await worker.spans(2)
    expect(brief(spans)).toEqual(["client get KV", "server scheduled"])
    expect(spans.find((span) => span.name === "scheduled")?.attributes).toMatchObject({
      "faas.trigger": "timer",
      "faas.cron": "*/5 * * * *",
      "faas.time": "2023-11-14T22:13:20.000Z",
    })
    results.push({ what: "scheduled", spans: 2, expected: 2, same: true })
  })

  test("queue, with a retry", async () => {
    const main = await worker.miniflare.getWorker("main")
    await main.queue("jobs", [{ id: "1", timestamp: new Date(), attempts: 1, body: { n: "again" } }])
    const [consumer] = (await worker.spans(2)).filter((span) => span.kind === "consumer")
    expect(consumer?.attributes).toMatchObject({ "cloudflare.queue.retried": 1, "cloudflare.queue.acked": 0 })
    results.push({ what: "queue consumer, retry", spans: 2, expected: 2, same: true })
  })

  test("email", async () => {
    const body = "From: a@example.com\r\nTo: b@example.com\r\nMessage-ID: <x@example.com>\r\nSubject: s\r\n\r\nhello"
    const entry = await worker.miniflare.ready
    const response = await fetch(new URL("/cdn-cgi/handler/email?from=a@example.com&to=b@example.com", entry), { method: "POST", body })
    expect([response.status, await response.text()]).toEqual([200, "Worker successfully processed email"])
    const spans = await worker.spans(2)
    expect(brief(spans)).toEqual(["client get KV", "consumer email"])
    results.push({ what: "email", spans: 2, expected: 2, same: true })
  })
})

test("tail", async () => {
  const response = await fetch(await worker.miniflare.unsafeGetDirectURL("tailed"))
  expect(await response.text()).toBe("tailed")
  const spans = await worker.spans(2)
  expect(brief(spans)).toEqual(["client get KV", "consumer tail"])
  expect(spans.find((span) => span.name === "tail")?.attributes).toMatchObject({ "messaging.batch.message_count": 1 })
  results.push({ what: "tail", spans: 2, expected: 2, same: true })
})

test("writes the table", () => {
  mkdirSync(join(root, "test/results"), { recursive: true })
  writeFileSync(join(root, "test/results/workers.json"), `${JSON.stringify({ real: results, double: untested }, undefined, 2)}\n`)
  expect(results.length).toBe(calls.length + 5)
})
