import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"
import type { Environment, EnvironmentOptions, Invocation, Runtime } from "../../../src/environment/contracts.ts"
import { openEnvironment } from "../../../src/environment/environment.ts"
import type { ReceivedSpan } from "../../../src/otlp/types.ts"
import { type Collector, type CollectorOptions, startCollector } from "../../../src/viewer/collector.ts"

export const fixtures: string = fileURLToPath(new URL("./fixtures", import.meta.url))

/** An environment on our fixtures that reports to the collector; it closes when the test ends. */
export function open(
  runtime: Runtime,
  handler: string,
  collector: Collector | undefined,
  options: Partial<EnvironmentOptions> = {},
): Environment {
  const env = { ...(collector && { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }), ...options.env }
  const environment = openEnvironment({ handler, taskRoot: fixtures, runtime, timeoutMs: 10_000, ...options, env })
  onTestFinished(() => environment.close())
  return environment
}

/** A collector that closes when the test ends. */
export async function collect(options?: CollectorOptions): Promise<Collector> {
  const collector = await startCollector(options)
  onTestFinished(() => collector.close())
  return collector
}

/** The spans that had arrived when this invocation was frozen, and not before it began. */
export function spansInTime(collector: Collector, { eventAtMs, frozenAtMs = 0 }: Invocation): ReceivedSpan[] {
  return collector.batches
    .filter((batch) => batch.receivedAtMs > eventAtMs && batch.receivedAtMs <= frozenAtMs)
    .flatMap((batch) => batch.spans)
}

export function namesOf(spans: readonly ReceivedSpan[]): string[] {
  return spans.map((span) => span.name).sort()
}
