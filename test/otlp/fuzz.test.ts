import { expect, it } from "vitest"
import type { LogRecord, SpanRecord, TagValue } from "../../src/core/contracts.ts"
import { DecodeError, decodeTraces } from "../../src/otlp/decode.ts"
import { encodeTraces } from "../../src/otlp/encode.ts"
import { record, START_US, spanId } from "./_records.ts"

const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31)
const random = mulberry32(seed)
const SCOPE = { name: "fuzz", version: "0" }

it(`encodes any span into what the decoder takes (FUZZ_SEED=${seed})`, () => {
  for (let round = 0; round < 500; round++) {
    const spans = Array.from({ length: pick([0, 1, 3]) }, anySpan)
    const back = decodeTraces(encodeTraces(spans, tags(), SCOPE))
    expect(back.map((span) => [span.spanId, span.startUs, span.name])).toEqual(
      spans.map((span) => [span.spanId, span.startUs, span.operationName.replace(/\p{Cs}/gu, "\ufffd")]),
    )
  }
})

it(`throws nothing but a DecodeError with a path on mutilated JSON (FUZZ_SEED=${seed})`, () => {
  const valid = JSON.parse(encodeTraces([anySpan(), anySpan()], tags(), SCOPE)) as object
  let refused = 0
  for (let round = 0; round < 3_000; round++) if (refuses(JSON.stringify(mutilate(structuredClone(valid))))) refused++
  expect(refused).toBeGreaterThan(0)
})

it(`throws nothing but a DecodeError on damaged bytes (FUZZ_SEED=${seed})`, () => {
  const valid = new TextEncoder().encode(encodeTraces([anySpan()], tags(), SCOPE))
  for (let round = 0; round < 3_000; round++) {
    const damaged = valid.slice(0, int(4) === 0 ? int(valid.length) : valid.length)
    for (let i = int(4); i >= 0 && damaged.length > 0; i--) damaged[int(damaged.length)] = int(256)
    refuses(damaged)
  }
})

function refuses(body: string | Uint8Array): boolean {
  try {
    decodeTraces(body)
    return false
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    expect(error.message).toMatch(/^(body|resourceSpans)[\w.[\]]*: ./)
    return true
  }
}

const HOSTILE: readonly unknown[] = [
  null,
  0,
  -1,
  1.5,
  1e400,
  "",
  "x",
  "0".repeat(32),
  true,
  [],
  {},
  [null],
  [[]],
  { __proto__: 1 },
  "\ud800",
  2 ** 64,
  "99999999999999999999",
]

/** Replaces, removes or moves one thing somewhere within. */
function mutilate(root: object): object {
  let at = root as Record<string, unknown>
  for (;;) {
    const keys = Object.keys(at)
    if (keys.length === 0) return root
    const key = pick(keys)
    const inner = at[key]
    if (inner !== null && typeof inner === "object" && int(8) > 0) {
      at = inner as Record<string, unknown>
      continue
    }
    if (int(5) === 0) delete at[key]
    else at[key] = int(5) === 0 ? structuredClone(root) : pick(HOSTILE)
    return root
  }
}

function anySpan(): SpanRecord {
  const logs: LogRecord[] = Array.from({ length: int(3) }, () => ({ timeUs: time(), fields: tags() }))
  const links = Array.from({ length: int(3) }, () => ({
    traceId: hex(32),
    spanId: hex(16),
    traceFlags: int(256),
    traceState: pick(["", "a=b"]),
    tags: tags(),
  }))
  return record({
    traceId: hex(32),
    spanId: hex(16),
    parentSpanId: pick([undefined, spanId(1 + int(99))]),
    parentIsRemote: int(2) === 0,
    traceFlags: int(256),
    operationName: text(),
    startUs: time(),
    durationUs: pick([undefined, 0, 0.25, int(1e9), -1]),
    tags: tags(),
    logs,
    links,
    dropped: { tags: int(3), logs: int(3), links: int(3) },
  })
}

function tags(): Map<string, TagValue> {
  const keys = ["span.kind", "error", "error.kind", "error.message", "stack", "event", "message", "__proto__", "constructor", text()]
  return new Map(Array.from({ length: int(6) }, () => [pick(keys), value()]))
}

function value(): TagValue {
  return pick<TagValue>([
    text(),
    "error",
    int(1e6),
    -random(),
    1e308 * 10,
    Number.NaN,
    2 ** 70,
    -0,
    true,
    false,
    [],
    [text(), ""],
    [1, random()],
    [true],
  ])
}

function text(): string {
  const chars = ["a", "é", "日", "🧊", "\ud800", "\udc00", '"', "\\", "\n", "\u0000", "\u2028", "\u007f", "</script>"]
  return Array.from({ length: int(8) }, () => pick(chars)).join("")
}

function time(): number {
  return START_US + int(1e9) + pick([0, 0.25, 0.5, 0.75])
}

function hex(digits: number): string {
  return Array.from({ length: digits }, (_, i) => (i === 0 ? 1 + int(15) : int(16)).toString(16)).join("")
}

function pick<T>(from: readonly T[]): T {
  return from[int(from.length)]!
}

function int(below: number): number {
  return Math.floor(random() * below)
}

/** A small generator with a seed (Mulberry32: a counter, hashed). */
function mulberry32(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
