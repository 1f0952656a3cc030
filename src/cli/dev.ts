import { type Collector, type ReceivedSpan, startCollector } from "../viewer/collector.ts"
import { type Command, numberOf, readArguments } from "./_arguments.ts"
import { drawTraces, interrupted, tellRefusals } from "./_draw.ts"
import { warn } from "./_warn.ts"

/** OTLP/HTTP's own port. */
export const PORT = "4318"

/** `antifreeze dev`: runs the collector until Ctrl-C and shows what it receives. */
export const dev: Command = {
  usage: `Usage: antifreeze dev [--port ${PORT}] [--json]

Receives spans on this machine and draws each trace in the terminal.

  --port N           port to listen on (${PORT}, OTLP/HTTP's own)
  --json             write every span as one line of JSON instead of drawing
`,
  async run(argv) {
    const { values } = readArguments(argv, { port: { type: "string", default: PORT }, json: { type: "boolean" } }, { names: false })
    const port = numberOf("--port", values.port, 0, 65_535)
    const drawings = values.json ? undefined : drawTraces(() => collector.spans)
    let collector: Collector
    try {
      collector = await startCollector({
        port,
        onSpans: drawings ? drawings.add : (spans) => process.stdout.write(spans.map((span) => `${toJson(span)}\n`).join("")),
        onRefusal: tellRefusals(),
      })
    } catch (error) {
      warn(startError(error, port))
      return 1
    }
    // JSON has stdout for itself, so that it can be piped.
    const notes = values.json ? process.stderr : process.stdout
    notes.write(`antifreeze is listening. Send it spans with

  OTEL_EXPORTER_OTLP_ENDPOINT=${collector.url}
  OTEL_EXPORTER_OTLP_PROTOCOL=http/json

Ctrl-C ends.\n`)
    await interrupted()
    drawings?.flush()
    await collector.close()
    return 0
  },
}

function startError(error: unknown, port: number): string {
  const { code } = error as { code?: string }
  if (code === "EADDRINUSE") return `port ${port} is in use. Stop the program that listens there, or choose another with --port.`
  if (code === "EACCES") return `port ${port} needs more rights than this user has. Choose one above 1023 with --port.`
  return `the collector could not start: ${error instanceof Error ? error.message : error}`
}

/** JSON has no bigint and no bytes: they become decimal digits and base64, as in OTLP/JSON. */
function toJson(span: ReceivedSpan): string {
  return JSON.stringify(span, (_key, value: unknown) => {
    if (typeof value === "bigint") return String(value)
    return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value
  })
}
