import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer"
import { expect, it } from "vitest"
import type { SpanRecord, TagValue } from "../../src/core/contracts.ts"
import { encodeTraces } from "../../src/otlp/encode.ts"
import type { ExportTraceServiceRequest, OtlpAnyValue } from "../../src/otlp/types.ts"
import { record, START_US, spanId, TRACE_ID } from "./_records.ts"

type ReadableSpan = Parameters<typeof JsonTraceSerializer.serializeRequest>[0][number]

const SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
const RESOURCE: Readonly<Record<string, TagValue>> = {
  "service.name": "orders",
  "faas.max_memory": 134217728,
  "cloud.provider": "aws",
}
const SCOPE = { name: "antifreeze", version: "0.1.0" }

it("says the same as OpenTelemetry's own serializer", () => {
  const records = [
    record({
      spanId: spanId(1),
      traceState: "a=1,b=2",
      tags: new Map([["span.kind", "server"]]),
      dropped: { tags: 4, logs: 5, links: 6 },
    }),
    record({
      spanId: spanId(2),
      parentSpanId: spanId(1),
      operationName: 'GET "ü🧊"\n',
      startUs: START_US + 7.25,
      tags: new Map<string, TagValue>([
        ["span.kind", "client"],
        ["error", true],
        ["error.message", "no"],
        ["int", -5],
        ["double", 0.1],
        ["flag", true],
        ["texts", ["a", "\u0000"]],
        ["ints", [1, 2, 3]],
        ["empty", []],
      ]),
      logs: [
        {
          timeUs: START_US + 9,
          fields: new Map<string, TagValue>([
            ["event", "retry"],
            ["attempt", 2],
          ]),
        },
      ],
      links: [
        {
          traceId: "0af7651916cd43dd8448eb211c80319c",
          spanId: spanId(8),
          traceFlags: 0,
          traceState: "",
          tags: new Map([["k", "v"]]),
        },
      ],
    }),
    record({ spanId: spanId(3), parentSpanId: spanId(7), parentIsRemote: true, traceFlags: 3 }),
  ]
  const theirs = JSON.parse(
    new TextDecoder().decode(JsonTraceSerializer.serializeRequest(records.map(toReadable))),
  ) as ExportTraceServiceRequest
  const ours = JSON.parse(encodeTraces(records, new Map(Object.entries(RESOURCE)), SCOPE)) as ExportTraceServiceRequest
  const expected = normalize(theirs) as ExportTraceServiceRequest
  // Theirs repeats the schema in the resource, where OTLP has no such field, and calls every link's context known to be local.
  delete (expected.resourceSpans![0]!.resource as { schemaUrl?: string }).schemaUrl
  for (const span of expected.resourceSpans![0]!.scopeSpans![0]!.spans!) for (const link of span.links ?? []) delete link.flags
  expect(normalize(ours)).toEqual(expected)
})

/** The same span in the words of the OpenTelemetry SDK, written without a look at our encoder's rules. */
function toReadable(span: SpanRecord): ReadableSpan {
  const { "span.kind": kind = "internal", error, "error.message": message, ...attributes } = Object.fromEntries(span.tags)
  const context = (id: string, traceId: string, traceFlags: number, traceState: string) => ({
    traceId,
    spanId: id,
    traceFlags,
    ...(traceState && { traceState: { serialize: () => traceState } }),
  })
  const resource = { attributes: RESOURCE, schemaUrl: SCHEMA_URL }
  return {
    name: span.operationName,
    kind: ["internal", "server", "client", "producer", "consumer"].indexOf(String(kind)),
    spanContext: () => context(span.spanId, TRACE_ID, span.traceFlags, span.traceState),
    parentSpanContext: span.parentSpanId && { ...context(span.parentSpanId, TRACE_ID, 1, ""), isRemote: span.parentIsRemote },
    startTime: hrTime(span.startUs),
    endTime: hrTime(span.startUs + span.durationUs!),
    status: error === true ? { code: 2, message } : { code: 0 },
    attributes,
    links: span.links.map((link) => ({
      context: context(link.spanId, link.traceId, link.traceFlags, ""),
      attributes: Object.fromEntries(link.tags),
    })),
    events: span.logs.map(({ timeUs, fields }) => {
      const { event, ...rest } = Object.fromEntries(fields)
      return { name: event, time: hrTime(timeUs), attributes: rest }
    }),
    resource: sharedResource(resource),
    instrumentationScope: sharedScope,
    droppedAttributesCount: span.dropped.tags,
    droppedEventsCount: span.dropped.logs,
    droppedLinksCount: span.dropped.links,
  } as unknown as ReadableSpan
}

// The serializer groups spans by the identity of their resource.
const sharedScope = { ...SCOPE, schemaUrl: SCHEMA_URL }
let shared: object | undefined
function sharedResource(resource: object): object {
  return (shared ??= resource)
}

function hrTime(us: number): [number, number] {
  return [Math.floor(us / 1e6), Math.round((us % 1e6) * 1000)]
}

/** Protobuf JSON mapping: a default may be left out, and a 64-bit integer may be a number or a string. */
function normalize(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalize)
  if (value === null || typeof value !== "object") return value
  const isValue = (key: string): key is keyof OtlpAnyValue => key.endsWith("Value")
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, key === "intValue" ? String(inner) : normalize(inner)] as const)
      .filter(([key, inner]) => isValue(key) || !isDefault(inner)),
  )
}

function isDefault(value: unknown): boolean {
  if (value === 0 || value === "") return true
  return typeof value === "object" && value !== null && Object.keys(value).length === 0
}
