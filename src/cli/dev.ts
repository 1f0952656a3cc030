import { parseArgs } from "node:util"
import { type Collector, type ReceivedSpan, startCollector } from "../viewer/collector.ts"
import { renderWaterfall } from "../viewer/waterfall.ts"

const USAGE = `Usage: antifreeze dev [--port 4318] [--json]

Receives spans on this machine and draws each trace in the terminal.

  --port <n>   port to listen on (4318, OTLP/HTTP's own)
  --json       write every span as one line of JSON instead of drawing
  --help       show this
`

/** A trace is complete when nothing of it has come for so long; once its root is there, little else is to be expected. */
const QUIET_MS = 300
const QUIET_WITH_ROOT_MS = 100
/** A trace that is never quiet is drawn as it grows. */
const PATIENCE_MS = 2_000

/**
 * `antifreeze dev`: runs the collector until Ctrl-C and shows what it receives. A trace is drawn again, whole, when more
 * of it arrives later. Resolves with the exit code: 0, or 1 when it could not start.
 */
export async function dev(argv: string[]): Promise<number> {
  const options = readOptions(argv)
  if ("exitCode" in options) return options.exitCode

  const drawings = options.json ? undefined : drawLater((traceId) => draw(collector.spans, traceId))
  let collector: Collector
  try {
    collector = await startCollector({
      port: options.port,
      onSpans: drawings ? drawings.add : (spans) => process.stdout.write(spans.map((span) => `${toJson(span)}\n`).join("")),
    })
  } catch (error) {
    return fail(startError(error, options.port))
  }
  // JSON has stdout for itself, so that it can be piped.
  const notes = options.json ? process.stderr : process.stdout
  notes.write(`antifreeze is listening. Send it spans with

  OTEL_EXPORTER_OTLP_ENDPOINT=${collector.url}
  OTEL_EXPORTER_OTLP_PROTOCOL=http/json

Ctrl-C ends.\n\n`)
  await interrupted()
  drawings?.flush()
  await collector.close()
  return 0
}

function readOptions(argv: string[]): { port: number; json: boolean } | { exitCode: number } {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        port: { type: "string", default: "4318" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    })
    if (values.help) {
      process.stdout.write(USAGE)
      return { exitCode: 0 }
    }
    if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
      return { exitCode: fail(`--port must be a number from 0 to 65535, not ${JSON.stringify(values.port)}.`) }
    }
    return { port: Number(values.port), json: values.json }
  } catch (error) {
    return { exitCode: fail(`${error instanceof Error ? error.message : error}\n\n${USAGE}`) }
  }
}

function startError(error: unknown, port: number): string {
  const { code } = error as { code?: string }
  if (code === "EADDRINUSE") return `port ${port} is in use. Stop the program that listens there, or choose another with --port.`
  if (code === "EACCES") return `port ${port} needs more rights than this user has. Choose one above 1023 with --port.`
  return `the collector could not start: ${error instanceof Error ? error.message : error}`
}

function fail(message: string): number {
  process.stderr.write(`[antifreeze] ${message.trimEnd()}\n`)
  return 1
}

/** Calls `show` for every trace once it has been quiet. */
function drawLater(show: (traceId: string) => void): { add(spans: readonly ReceivedSpan[]): void; flush(): void } {
  const pending = new Map<string, { timer: NodeJS.Timeout; complete: boolean; sinceMs: number }>()
  return {
    add(spans) {
      for (const { traceId, parentSpanId } of spans) {
        const before = pending.get(traceId)
        const sinceMs = before?.sinceMs ?? performance.now()
        if (performance.now() - sinceMs > PATIENCE_MS) continue
        clearTimeout(before?.timer)
        const complete = before?.complete === true || parentSpanId === undefined
        pending.set(traceId, { sinceMs, complete, timer: setTimeout(fire, complete ? QUIET_WITH_ROOT_MS : QUIET_MS, traceId) })
      }
    },
    flush() {
      for (const [traceId, { timer }] of [...pending]) {
        clearTimeout(timer)
        fire(traceId)
      }
    },
  }

  function fire(traceId: string): void {
    pending.delete(traceId)
    show(traceId)
  }
}

function draw(spans: readonly ReceivedSpan[], traceId: string): void {
  const { isTTY, columns } = process.stdout
  const color = isTTY === true && !process.env["NO_COLOR"]
  const trace = spans.filter((span) => span.traceId === traceId)
  process.stdout.write(`${renderWaterfall(trace, { width: Math.min(columns ?? 80, 160), color })}\n`)
}

/** JSON has no bigint and no bytes: they become decimal digits and base64, as in OTLP/JSON. */
function toJson(span: ReceivedSpan): string {
  return JSON.stringify(span, (_key, value: unknown) => {
    if (typeof value === "bigint") return String(value)
    return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value
  })
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve())
    process.once("SIGTERM", () => resolve())
  })
}
