// npm run soak: invocations in many environments, with faults from a seed. Every span has to be accounted for.
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Environment, Runtime } from "../../src/environment/contracts.ts"
import { openEnvironment } from "../../src/environment/environment.ts"
import { type Collector, type CollectorOptions, startCollector } from "../../src/viewer/collector.ts"
import { certificate } from "../_certificate.ts"
import { endless, garbage, late, never, resetAfter, resetBefore, status } from "../faults.ts"
import { randomFrom } from "../fuzz/_mutate.ts"
import { certificateFile } from "./cells.ts"

const fixtures = fileURLToPath(new URL("../platforms/lambda/fixtures", import.meta.url))

export interface SoakOptions {
  readonly seed: number
  readonly invocations: number
  /** How many invocations an environment lives for, kills included. */
  readonly perEnvironment?: number
  readonly runtimes: readonly (readonly [string, Runtime])[]
}

export interface SoakReport {
  readonly seed: number
  readonly invocations: number
  readonly environments: number
  readonly endings: Readonly<Record<string, number>>
  readonly faults: number
  readonly started: number
  readonly delivered: number
  /** Never arrived, and told: by tags `antifreeze.dropped.*`. */
  readonly dropped: number
  /** Killed within 100 ms of its start, before there was a journal, or left in an environment that never came back. */
  readonly excused: number
  /** Neither: must be 0. */
  readonly unaccounted: readonly string[]
  /** The same revision of the same span more than once: the endpoint had it, and the answer did not come back. */
  readonly repeated: number
  /** Of environments in which nothing is killed, from the middle of their lives to the end. */
  readonly heapGrowthBytes: readonly number[]
}

type How = "fine" | "throw" | "slow" | "exit" | "crash" | "hang" | "kill" | "abort"
const HOWS: readonly (readonly [How, number])[] = [
  ["fine", 70],
  ["throw", 10],
  ["slow", 6],
  ["exit", 3],
  ["crash", 3],
  ["kill", 4],
  ["abort", 2],
  ["hang", 2],
]
/** Ways to fail that may leave the spans with the collector all the same. */
const FAULTS: readonly NonNullable<CollectorOptions["onRequest"]>[] = [
  late(20),
  status(503),
  status(429),
  status(503, { "retry-after": "0" }),
  resetBefore(),
  resetAfter(),
  resetAfter({ keep: true }),
  never(),
  never({ keep: true }),
  garbage(),
  endless(),
]

const ADAPTIVE = { ANTIFREEZE_DELIVERY: "adaptive" }

/** Environments in turn: seven is a number that goes with no other here, so that each setting meets each runtime, transport and temper. */
const SETTINGS: readonly Record<string, string>[] = [
  ADAPTIVE,
  {},
  { ANTIFREEZE_DELIVERY: "before" },
  ADAPTIVE,
  {},
  { ANTIFREEZE_WATCHDOG: "true" },
  { ...ADAPTIVE, ANTIFREEZE_WATCHDOG: "true" },
]

export async function soak({ seed, invocations, perEnvironment = 50, runtimes }: SoakOptions): Promise<SoakReport> {
  const random = randomFrom(seed)
  const tls = await certificate()
  const count = Math.max(runtimes.length, Math.ceil(invocations / perEnvironment))
  const total = { endings: {} as Record<string, number>, faults: 0, started: 0, delivered: 0, dropped: 0, excused: 0, repeated: 0 }
  const unaccounted: string[] = []
  const heapGrowthBytes: number[] = []
  let done = 0
  for (let index = 0; index < count; index++) {
    const [name, runtime] = runtimes[index % runtimes.length] as readonly [string, Runtime]
    const share = Math.ceil((invocations - done) / (count - index))
    const isCalm = index % 4 === 3
    const life = { name: `${seed}-${index}-${name}`, runtime, share, random, isCalm, env: SETTINGS[index % SETTINGS.length] ?? {} }
    const one = await liveThrough({ ...life, ...(index % 2 === 1 && { tls }) })
    done += share
    for (const [how, number] of Object.entries(one.endings)) total.endings[how] = (total.endings[how] ?? 0) + number
    for (const key of ["faults", "started", "delivered", "dropped", "excused", "repeated"] as const) total[key] += one[key]
    unaccounted.push(...one.unaccounted)
    if (one.heapGrowthBytes !== undefined) heapGrowthBytes.push(one.heapGrowthBytes)
  }
  return { seed, invocations: done, environments: count, ...total, unaccounted, heapGrowthBytes }
}

interface Life {
  readonly name: string
  readonly runtime: Runtime
  readonly share: number
  readonly random: (below: number) => number
  /** Nothing is killed, so that its memory can be watched. */
  readonly isCalm: boolean
  readonly env: Record<string, string>
  readonly tls?: { cert: string; key: string }
}

async function liveThrough({ name, runtime, share, random, isCalm, env, tls }: Life) {
  let faults = 0
  let isOver = false
  const collector = await startCollector({
    maxSpans: 1_000_000,
    ...(tls && { tls }),
    onRequest(exchange) {
      if (isOver || random(isCalm ? 20 : 8) > 0) return false
      faults++
      return (FAULTS[random(FAULTS.length)] as (typeof FAULTS)[number])(exchange)
    },
  })
  const environment = openEnvironment({
    handler: "soak.handler",
    taskRoot: fixtures,
    runtime,
    timeoutMs: 2_000,
    functionName: "soak",
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_TIMEOUT: "60",
      ...env,
      ...(tls && { OTEL_EXPORTER_OTLP_CERTIFICATE: certificateFile(tls.cert) }),
    },
  })
  const started: string[] = []
  const excused = new Set<string>()
  const endings: Record<string, number> = {}
  let early: number | undefined
  try {
    for (let n = 0; n < share; n++) {
      const how = isCalm ? (random(8) === 0 ? "throw" : "fine") : howOf(random)
      endings[how] = (endings[how] ?? 0) + 1
      const id = `${name}-${n}`
      const children = 1 + random(5)
      const isKill = how === "kill" || how === "abort"
      const isShort = isKill && random(2) === 0
      const ms = how === "slow" || (isKill && !isShort) ? 130 + random(60) : 0
      const spans = Array.from({ length: children }, (_, index) => `${id}/${index}`)
      started.push(...spans)
      const { requestId } = await environment.invoke({ id, children, how, ms })
      started.push(requestId)
      if (isShort) for (const span of [...spans, requestId]) excused.add(span)
      if (random(5) === 0) await sleep(random(30))
      // Long enough for what waits to be due.
      if (random(25) === 0) await sleep(1_050)
      if (isCalm && n === Math.floor(share / 2)) early = await heapOf(environment)
    }
    isOver = true
    const late = isCalm ? await heapOf(environment) : undefined
    // The endpoint is well again, and the environment comes back and then is shut down: whatever was kept or left on disk arrives.
    for (let n = 0; n < 3; n++) await environment.invoke({ id: `${name}-end-${n}` })
    await environment.close()
    return {
      ...account(collector, started, excused),
      endings,
      faults,
      heapGrowthBytes: early === undefined || late === undefined ? undefined : late - early,
    }
  } finally {
    await environment.close()
    await collector.close()
  }
}

async function heapOf(environment: Environment): Promise<number | undefined> {
  const { payload } = await environment.invoke({ id: "measure", how: "measure" })
  const bytes = Number(payload.toString())
  return bytes > 0 ? bytes : undefined
}

/** A child goes by its name, a root by its request. */
function account(collector: Collector, started: readonly string[], excused: ReadonlySet<string>) {
  const arrived = new Set<string>()
  const revisions = new Set<string>()
  let repeated = 0
  let dropped = 0
  for (const { spans } of collector.batches) {
    for (const { attributes, name, spanId, traceId } of spans) {
      arrived.add(String(attributes["faas.invocation_id"] ?? name))
      const revision = `${traceId}${spanId}${attributes["antifreeze.revision"] ?? 0}${attributes["antifreeze.ended"] ?? ""}`
      if (revisions.has(revision)) repeated++
      revisions.add(revision)
      for (const [key, value] of Object.entries(attributes)) if (key.startsWith("antifreeze.dropped.")) dropped += Number(value)
    }
  }
  const missing = started.filter((span) => !arrived.has(span))
  const unexcused = missing.filter((span) => !excused.has(span))
  return {
    started: started.length,
    delivered: started.length - missing.length,
    dropped,
    excused: missing.length - unexcused.length,
    repeated,
    unaccounted: unexcused.slice(dropped),
  }
}

function howOf(random: (below: number) => number): How {
  let at = random(HOWS.reduce((sum, [, weight]) => sum + weight, 0))
  for (const [how, weight] of HOWS) if ((at -= weight) < 0) return how
  return "fine"
}
