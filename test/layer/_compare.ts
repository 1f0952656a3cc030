import { fileURLToPath } from "node:url"
import type { Environment, Invocation, Runtime } from "../../src/environment/contracts.ts"
import { openEnvironment } from "../../src/environment/environment.ts"
import { type Collector, startCollector } from "../../src/viewer/collector.ts"
import { normal } from "../environment/_normal.ts"
import { late } from "../faults.ts"
import type { Shape } from "./_shapes.ts"

/** What Lambda mounts as /opt. */
export const opt: string = fileURLToPath(new URL("../../dist/layer", import.meta.url))
export const layered: Readonly<Record<string, string>> = { AWS_LAMBDA_EXEC_WRAPPER: `${opt}/antifreeze` }

/** What one shape did on one runtime, with the layer and without. */
export interface Cell {
  readonly shape: string
  readonly runtime: string
  readonly client: "native" | "alternative"
  /** Where the bare function and the layered one differ at the Runtime API or in the log. */
  readonly differences: string[]
  /** Response times of warm invocations, made by turns, in milliseconds; empty where none is ever warm. */
  readonly bareMs: number[]
  readonly layerMs: number[]
  /** What has arrived, and what had to. */
  readonly spans: SpanCounts
  readonly expected: SpanCounts
}

export interface SpanCounts {
  readonly roots: number
  readonly calls: number
  readonly failedInits: number
}

export interface Setup {
  readonly runtime: "ric3" | "ric4"
  readonly client: Cell["client"]
  /** A server that answers every GET. */
  readonly upstream: string
}

const COLLECTOR_MS = 250
const INVOCATIONS = 6
/** Where every invocation is a cold start, two show it. */
const COLD_INVOCATIONS = 2

/** Invokes the shape by turns without and with the layer, and compares everything that can be seen from outside. */
export async function compare(shape: Shape, runtime: Runtime, setup: Setup): Promise<Cell> {
  const fails = shape.fails === "both" || shape.fails === setup.runtime
  const cold = fails || shape.ends === setup.runtime
  const collector = await startCollector({ onRequest: late(COLLECTOR_MS) })
  const env = {
    UPSTREAM: setup.upstream,
    AWS_LAMBDA_LOG_STREAM_NAME: "stream",
    ...(setup.client === "alternative" ? { AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: "true" } : {}),
  }
  const options = { taskRoot: shape.taskRoot, runtime, timeoutMs: 5000 }
  const bare = openEnvironment({ ...options, handler: shape.reference ?? shape.handler, env })
  const ours = openEnvironment({
    ...options,
    handler: shape.handler,
    optRoot: opt,
    // The default of 300 ms is too close to the collector's 250 for a machine that also has other things to do.
    env: { ...env, ...layered, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_TIMEOUT: "2000" },
  })
  const cell: Cell = {
    ...{ shape: shape.name, runtime: runtime.name, client: setup.client },
    ...{ differences: [], bareMs: [], layerMs: [], spans: { roots: 0, calls: 0, failedInits: 0 } },
    expected: expectedSpans(),
  }
  try {
    for (let n = 0; n < (cold ? COLD_INVOCATIONS : INVOCATIONS); n++) await takeTurns(n)
  } finally {
    await Promise.all([bare.close(), ours.close()])
    await collector.close()
  }
  return { ...cell, spans: count(collector) }

  function expectedSpans(): SpanCounts {
    const invocations = cold ? COLD_INVOCATIONS : INVOCATIONS
    // A failed init is tried again within the first invocation.
    if (fails) return { roots: 0, calls: 0, failedInits: invocations + 1 }
    return { roots: invocations, calls: invocations * shape.calls[setup.runtime === "ric3" ? 0 : 1], failedInits: 0 }
  }

  async function takeTurns(n: number): Promise<void> {
    const given = [{ n }, { requestId: `00000000-0000-0000-0000-00000000000${n}`, traceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793" }]
    const theirs = await invoke(bare, given)
    const own = await invoke(ours, given)
    cell.differences.push(...differences(seen(theirs, runtime, shape), seen(own, runtime, shape)).map((line) => `invocation ${n}: ${line}`))
    // In the log a stack that the function itself has printed may show us; what reaches the Runtime API never does.
    const posted = own.payload.toString() + JSON.stringify(own.headers)
    const body = own.headers["lambda-runtime-function-error-body"]
    if (`${posted}${body === undefined ? "" : Buffer.from(body, "base64")}`.includes("dist/layer"))
      cell.differences.push(`the answer to invocation ${n} shows the layer`)
    if (cold || n === 0) return
    cell.bareMs.push(theirs.responseMs)
    cell.layerMs.push(own.responseMs)
  }
}

function invoke(environment: Environment, [event, options]: unknown[]): Promise<Invocation> {
  return environment.invoke(event, options as Parameters<Environment["invoke"]>[1])
}

/** Without the frames of the runtime, of Node and of the layer; and the compared handler under one name. */
function seen(invocation: Invocation, runtime: Runtime, { handler, reference }: Shape): string {
  const text = JSON.stringify(normal(invocation, runtime), null, 1)
  return text
    .replaceAll(/(?:\\+[nr]| )* {4}at [^"\n\\]*(?:\(node:|dist\/layer)[^"\n\\]*/g, "")
    .replaceAll(/\\",\\"(?=\\"|\])|,\\"\\"/g, "")
    .replaceAll(`"${reference ?? handler}\\"`, `"${handler}\\"`)
}

function differences(theirs: string, own: string): string[] {
  const [ours, bare] = [own.split("\n"), theirs.split("\n")]
  return bare.flatMap((line, at) => (line === ours[at] ? [] : [`${line.trim()} became ${ours[at]?.trim()}`]))
}

function count({ spans }: Collector): SpanCounts {
  const roots = spans.filter((span) => span.parentSpanId === undefined)
  return {
    roots: roots.filter((span) => span.name !== "init").length,
    // Only whole traces count: a call whose root is missing is lost.
    calls: spans.filter((span) => span.kind === "client" && roots.some((root) => root.traceId === span.traceId)).length,
    failedInits: roots.filter((span) => span.name === "init").length,
  }
}
