import { type Collector, SERVER, startCollector } from "../viewer/collector.ts"
import { drawTraces, tellRefusals } from "./_draw.ts"
import { warn } from "./_warn.ts"

type Variables = Readonly<Record<string, string>>

/** Where the spans of a function on this machine go. */
export interface Destination {
  /** The function's variables, with the endpoint. */
  readonly variables: Record<string, string>
  /** Draws what has come, where it has come here. */
  draw(): void
  /** Draws the rest; false when it was to come here and nothing did. */
  close(): Promise<boolean>
}

/** To the endpoint that the variables name; else to `antifreeze dev`, where that runs on this port; else here, to be drawn. */
export async function openDestination(variables: Variables, port: number): Promise<Destination> {
  const isSet = variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] || variables["OTEL_EXPORTER_OTLP_ENDPOINT"]
  const isOff = variables["OTEL_SDK_DISABLED"]?.toLowerCase() === "true" || variables["OTEL_TRACES_EXPORTER"] === "none"
  if (isSet || isOff) return elsewhere(variables)
  const running = `http://127.0.0.1:${port}`
  if (!(await isOurs(running))) return drawn(variables)
  warn(`antifreeze dev runs on port ${port}: it gets the spans.`)
  return elsewhere({ ...variables, OTEL_EXPORTER_OTLP_ENDPOINT: running })
}

/** An empty export tells, which changes nothing. */
async function isOurs(url: string): Promise<boolean> {
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: "{}", signal: AbortSignal.timeout(500) }
  const answer = await fetch(`${url}/v1/traces`, request).catch(() => undefined)
  return answer?.headers.get("server") === SERVER
}

/** Nothing is drawn here. */
export function elsewhere(variables: Variables): Destination {
  return { variables: { ...variables }, draw() {}, close: async () => true }
}

async function drawn(variables: Variables): Promise<Destination> {
  const drawings = drawTraces(() => collector.spans)
  const collector: Collector = await startCollector({ onSpans: drawings.add, onRefusal: tellRefusals() })
  return {
    variables: { ...variables, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    draw: drawings.flush,
    async close() {
      drawings.flush()
      await collector.close()
      return collector.batches.length > 0
    },
  }
}
