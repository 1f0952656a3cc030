import { mkdirSync, writeFileSync } from "node:fs"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import type { SpanRecord, Trigger } from "../../src/core/contracts.ts"
import { invoke } from "../../src/core/invoke.ts"
import { triggerOf } from "../../src/platforms/lambda/trigger.ts"
import { createTracer } from "../../src/platforms/node/node-tracer.ts"
import { contextInBase64, contextInJson } from "../../src/triggers/_context.ts"
import { PARENT, ROWS, type Row } from "./_corpus.ts"
import { importFixtures } from "./_fixtures.ts"
import { mutate } from "./_mutate.ts"

const tracer = createTracer({})

/** The root span that an invocation with this trigger begins. */
function rootOf(trigger: Trigger): SpanRecord {
  let root: SpanRecord | undefined
  invoke({ tracer, id: "id", trigger, tags: {}, settle: (take) => void take() }, (invocation) => {
    root = invocation.root
  })
  return root as SpanRecord
}

function triggerOfRow({ event, context, env }: Pick<Row, "event" | "context" | "env">): Trigger {
  if (env === undefined) delete process.env["_X_AMZN_TRACE_ID"]
  else process.env["_X_AMZN_TRACE_ID"] = env
  return triggerOf(event, { functionName: "checkout", awsRequestId: "id", ...context })
}

afterEach(() => {
  delete process.env["_X_AMZN_TRACE_ID"]
})

/** What the table of the documentation is made of: `node test/triggers/show-table.ts`. */
const cells: object[] = []

afterAll(() => {
  expect(cells).toHaveLength(ROWS.length)
  const results = new URL("../results/", import.meta.url)
  mkdirSync(results, { recursive: true })
  writeFileSync(new URL("triggers.json", results), `${JSON.stringify({ mutationsOfEach: MUTATIONS, cells }, null, 1)}\n`)
})

const MUTATIONS = 500
const kinds = [...new Set(ROWS.map(({ trigger }) => trigger))]

describe("every event that wakes a function", () => {
  it("has at least three events for each of the triggers", () => {
    expect(kinds.length).toBeGreaterThanOrEqual(37)
    for (const kind of kinds) expect(ROWS.filter(({ trigger }) => trigger === kind).length, kind).toBeGreaterThanOrEqual(3)
  })

  it.each(ROWS.map((row) => [`${row.trigger}: ${row.says}`, row] as const))("%s", (_, row) => {
    const root = rootOf(triggerOfRow(row))
    expect(root.operationName).toBe(row.name)
    expect(root.tags.get("span.kind")).toBe(row.kind)
    expect(root.tags.get("faas.trigger")).toBe(row.faas)
    expect(root.parentSpanId).toBe(row.hasParent ? PARENT.spanId : undefined)
    if (row.hasParent) expect(root.traceId).toBe(PARENT.traceId)
    expect(root.links).toHaveLength(row.links ?? 0)
    for (const [name, value] of Object.entries(row.tags)) expect(root.tags.get(name), name).toEqual(value)
    const { trigger, says, kind, faas, hasParent = false } = row
    cells.push({
      trigger,
      says: says.replace(/Root=[^"]*/, "…"),
      name: root.operationName,
      kind,
      faas,
      hasParent,
      links: root.links.length,
      tags: root.tags.size,
    })
  })

  it("shows no secret and nothing personal", () => {
    const all = ROWS.map((row) => JSON.stringify([...rootOf(triggerOfRow(row)).tags])).join("\n")
    for (const secret of ["s3cret", "jane", 'secret"', "AKID", "https://secret", "+491234", "my secret"]) expect(all).not.toContain(secret)
  })
})

describe("an event that only looks like one", () => {
  it.each(kinds)("never throws, mutated 500 times: %s", (kind) => {
    const events = ROWS.filter(({ trigger }) => trigger === kind).map(({ event }) => event)
    const mutations = mutate(events, MUTATIONS, kind)
    expect(mutations).toHaveLength(MUTATIONS)
    for (const event of mutations) {
      const trigger = triggerOfRow({ event })
      const root = rootOf(trigger)
      expect(typeof root.operationName).toBe("string")
      trigger.tagsOf?.(event)
    }
  })
})

describe("an event of an independent collection", async () => {
  const fixtures = await importFixtures()
  it.each(fixtures)("%s becomes what ours becomes", (_, event, expected) => {
    const { tags, kind } = triggerOfRow({ event })
    expect({ trigger: tags["faas.trigger"], system: tags["messaging.system"], kind }).toEqual(expected)
  })
})

describe("what the function answers", () => {
  const rest = triggerOfRow({ event: ROWS.find(({ trigger }) => trigger === "rest")?.event })
  const v2 = triggerOfRow({ event: ROWS.find(({ trigger }) => trigger === "http-v2")?.event })
  const queue = triggerOfRow({ event: ROWS.find(({ trigger }) => trigger === "sqs")?.event })

  it("tags status and size", () => {
    expect(rest.tagsOf?.({ statusCode: 201, body: "größe" })).toMatchObject({
      "http.response.status_code": 201,
      "http.response.body.size": 7,
    })
    expect(rest.tagsOf?.({ statusCode: "200", body: "Zm91cg==", isBase64Encoded: true })).toMatchObject({ "http.response.body.size": 4 })
  })
  it("calls 5xx an error, and 4xx none", () => {
    expect(rest.tagsOf?.({ statusCode: 503 })).toMatchObject({ error: true, "error.type": "503" })
    expect(rest.tagsOf?.({ statusCode: 404 })).not.toHaveProperty("error")
  })
  it("knows what API Gateway makes of an answer without a status", () => {
    expect(rest.tagsOf?.("text")).toMatchObject({ "http.response.status_code": 502, error: true })
    expect(v2.tagsOf?.({ hello: 1 })).toMatchObject({ "http.response.status_code": 200 })
  })
  it("counts what is left of a batch", () => {
    expect(queue.tagsOf?.({ batchItemFailures: [{ itemIdentifier: "a" }, { itemIdentifier: "b" }] })).toEqual({
      "aws.batch.failed_count": 2,
    })
    expect(queue.tagsOf?.(undefined)).toEqual({})
  })
})

describe("Lambda's own trace header", () => {
  const xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
  it("with active tracing: a new trace takes on its id, and is linked to it", () => {
    const root = rootOf(triggerOfRow({ event: {}, env: xray }))
    expect(root).toMatchObject({ traceId: "5759e988bd862e3fe1be46a994272793", parentSpanId: undefined })
    expect(root.links).toMatchObject([{ spanId: "53995c3f42cd8ad8" }])
  })
  it("with active tracing: a caller's trace is kept, and linked to it", () => {
    const row = ROWS.find(({ trigger, hasParent }) => trigger === "rest" && hasParent)
    const root = rootOf(triggerOfRow({ event: row?.event, env: xray }))
    expect(root).toMatchObject({ traceId: PARENT.traceId, parentSpanId: PARENT.spanId })
    expect(root.links).toMatchObject([{ traceId: "5759e988bd862e3fe1be46a994272793" }])
  })
  it("never decides whether we record", () => {
    expect(rootOf(triggerOfRow({ event: {}, env: xray.replace("Sampled=1", "Sampled=0") })).traceFlags & 1).toBe(1)
    const queued = ROWS.find(({ trigger, says }) => trigger === "sqs" && says.includes("AWSTraceHeader"))
    expect(rootOf(triggerOfRow({ event: queued?.event })).traceFlags & 1).toBe(1)
  })
})

describe("the executions of a workflow", () => {
  it("are one trace, whichever state or replay runs", () => {
    const [one, two] = ROWS.filter(({ trigger, hasParent }) => trigger === "step-functions" && !hasParent).map((row) =>
      rootOf(triggerOfRow(row)),
    )
    expect(one?.traceId).toBe(two?.traceId)
    expect(one?.traceId).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe("a context within a payload", () => {
  it("is found whatever its values hold", () => {
    const tracestate = 'a=}{",\\'
    const data = Buffer.from(JSON.stringify({ _traceContext: { traceparent: "x", tracestate }, a: {} })).toString("base64")
    expect(contextInBase64(data)).toEqual({ traceparent: "x", tracestate })
    expect(contextInJson('{"_traceContext":{"a":{}}}')).toBeUndefined()
    expect(contextInJson(`{"_traceContext":{${'"a":"b",'.repeat(100_000)}`)).toBeUndefined()
  })
})
