/** One cell of the fault table: a fault on a runtime, with a collector, with us and without. */
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { Environment, EnvironmentOptions, Invocation, Runtime } from "../../src/environment/contracts.ts"
import { openEnvironment } from "../../src/environment/environment.ts"
import { type CollectorOptions, startCollector } from "../../src/viewer/collector.ts"

const fixtures = fileURLToPath(new URL("../platforms/lambda/fixtures", import.meta.url))

export interface Fault {
  readonly name: string
  readonly handler: string
  /** Default: `endings.cjs` starts a root, an init, a child that ends and one that hangs. */
  readonly started?: number
  readonly event?: object
  /** So many invocations that end well come first, in the same environment; their spans count too. */
  readonly warmUps?: number
  /** What happens to the frozen environment afterwards. */
  readonly afterwards?: "SIGKILL" | "shutdown"
  /** Spans may wait for as long as the environment lives: they are counted when it has been shut down. */
  readonly waits?: boolean
  /** The next process must have nothing left to deliver. */
  readonly atOnce?: boolean
  readonly options?: Partial<EnvironmentOptions>
  /** The process has no time to act: what it can lose without a journal is what this row is about. */
  readonly mayLose?: boolean
  /** How the endpoint misbehaves during the first invocation. */
  readonly onRequest?: CollectorOptions["onRequest"]
}

/** What was measured; kept as JSON, and the table is computed from it. */
export interface Cell {
  readonly fault: string
  readonly runtime: string
  readonly transport: "http" | "https"
  readonly started: number
  /** Distinct spans that had arrived when the invocation was over, and when the next one was. */
  readonly delivered: number
  readonly deliveredWithNext: number
  readonly mayLose: boolean
  readonly atOnce: boolean
  /** What the client, the log and the platform saw was what they see of the bare function. */
  readonly unchanged: boolean
  readonly differences: readonly string[]
  /** Until the client had its answer, and until everything was over, in milliseconds. */
  readonly addedMs: number
  readonly addedBilledMs: number
  /** How the spans say that it ended. */
  readonly ended: readonly string[]
}

export interface Seen {
  readonly payload: string
  readonly functionError: string | undefined
  readonly reset: string | undefined
  readonly logs: string
  readonly answerMs: number
  readonly billedMs: number
}

let folder: string | undefined

export function certificateFile(cert: string): string {
  folder ??= mkdtempSync(join(tmpdir(), "antifreeze-test-"))
  const file = join(folder, "ca.pem")
  writeFileSync(file, cert)
  return file
}

async function play(fault: Fault, environment: Environment): Promise<Seen> {
  for (let count = 0; count < (fault.warmUps ?? 0); count++) await environment.invoke({ fine: true })
  const seen = seenOf(await environment.invoke(fault.event ?? {}))
  if (fault.afterwards === "SIGKILL" && environment.pid !== undefined) {
    process.kill(environment.pid, "SIGKILL")
    while (environment.pid !== undefined) await sleep(1)
  }
  if (fault.afterwards === "shutdown") await environment.close()
  return seen
}

/** What the bare function does: once for each runtime and fault. */
export async function runBare(fault: Fault, runtime: Runtime): Promise<Seen> {
  const environment = openEnvironment(optionsFor(fault, runtime, { BARE: "1" }))
  try {
    return await play(fault, environment)
  } finally {
    await environment.close()
  }
}

export async function runCell(
  fault: Fault,
  [runtimeName, runtime]: readonly [string, Runtime],
  transport: "http" | "https",
  tls: { cert: string; key: string },
  bare: Seen,
): Promise<Cell> {
  let over = false
  const collector = await startCollector({
    ...(transport === "https" && { tls }),
    onRequest: (exchange) => !over && (fault.onRequest?.(exchange) ?? false),
  })
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    ...(transport === "https" && { OTEL_EXPORTER_OTLP_CERTIFICATE: certificateFile(tls.cert) }),
  }
  const environment = openEnvironment(optionsFor(fault, runtime, env))
  const next: string[] = []
  /** Spans that belong to the faulty invocation: all but those of the traces that came after. */
  const arrived = () => {
    const others = new Set(
      collector.spans.filter((span) => next.includes(String(span.attributes["faas.invocation_id"]))).map((span) => span.traceId),
    )
    return collector.spans.filter((span) => !others.has(span.traceId))
  }
  const distinct = () => new Set(arrived().map((span) => `${span.traceId}${span.spanId}`)).size
  try {
    const seen = await play(fault, environment)
    const delivered = distinct()
    over = true
    for (let count = 0; count < 2 && fault.afterwards !== "shutdown"; count++)
      next.push((await environment.invoke({ fine: true })).requestId)
    if (fault.waits) await environment.close()
    const deliveredWithNext = distinct()
    const differences = (["payload", "functionError", "reset", "logs"] as const).filter((part) => seen[part] !== bare[part])
    return {
      fault: fault.name,
      runtime: runtimeName,
      transport,
      started: fault.started ?? 4,
      delivered,
      deliveredWithNext,
      mayLose: fault.mayLose ?? false,
      atOnce: fault.atOnce ?? false,
      unchanged: differences.length === 0,
      differences: differences.map((part) => `${part}: ${JSON.stringify(bare[part])} became ${JSON.stringify(seen[part])}`),
      addedMs: round(seen.answerMs - bare.answerMs),
      addedBilledMs: round(seen.billedMs - bare.billedMs),
      ended: [...new Set(arrived().map((span) => String(span.attributes["antifreeze.ended"] ?? "")))].filter((how) => how !== "").sort(),
    }
  } finally {
    await environment.close()
    await collector.close()
  }
}

function optionsFor(fault: Fault, runtime: Runtime, env: Record<string, string>): EnvironmentOptions {
  const { options } = fault
  return {
    handler: fault.handler,
    taskRoot: fixtures,
    runtime,
    timeoutMs: 5_000,
    functionName: "functions",
    ...options,
    env: { ...options?.env, ...env },
  }
}

function seenOf({ payload, functionError, reset, logs, responseMs, billedMs }: Invocation): Seen {
  return { payload: plain(payload.toString()), functionError, reset, logs: plain(logs), answerMs: responseMs, billedMs }
}

/** Frames that tell how many timers Node has run in one turn: in a list of JSON, in a text within JSON, in a plain one. */
const TURN = String.raw` {4}at (?:process\.)?(?:processTicksAndRejections|processTimers|runNextTicks) \(node:internal[^)]*\)`
const TURNS = new RegExp(String.raw`,"${TURN}"|(?:\\n|\n)${TURN}`, "g")

/** Without what differs from run to run, our own lines, and the report of a native crash, which lists frames of ours among the function's. */
function plain(text: string): string {
  return text
    .replace(/\n*(----- Native stack trace|<--- Last few GCs)[\s\S]*/, "CRASH REPORT")
    .replace(/^.*\[antifreeze\].*\n/gm, "")
    .replace(TURNS, "")
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replace(/\(node:\d+\)|\[\d+:0x[0-9a-f]+\]|0x[0-9a-f]+/g, "N")
    .replace(/\d+(\.\d+)? (ms|seconds)/g, "N $2")
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10
}
