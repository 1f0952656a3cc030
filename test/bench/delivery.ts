// What a mode of delivery costs under back-to-back invocations: how long the client waits, and how long the freeze is held and billed.
import { openEnvironment } from "../../src/environment/environment.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { late } from "../faults.ts"
import { keepResults, median, table } from "./_figures.ts"
import { benchRuntimes, buildFunctions } from "./_functions.ts"
import type { DeliveryCell } from "./_shapes.ts"

const MODES = ["after", "adaptive", "before"] as const
const WARM_UP = 20
const ROUNDS = Number(process.env["ROUNDS"] ?? 200)
/** Invocations of one environment in a row, so that they are back to back; then it is the next one's turn. */
const RUN = 50

const folder = await buildFunctions()
const cells: DeliveryCell[] = []
for (const [name, runtime] of Object.entries(benchRuntimes)) cells.push(...(await measure(name, runtime)))
keepResults("bench-delivery", cells)
print(cells)

async function measure(name: string, runtime: (typeof benchRuntimes)[string]): Promise<DeliveryCell[]> {
  const open = async (mode: (typeof MODES)[number]) => {
    const collector = await startCollector({ maxSpans: 100_000, onRequest: late(25) })
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ANTIFREEZE_DELIVERY: mode }
    const environment = openEnvironment({ handler: "ours-cjs.handler", taskRoot: folder, runtime, timeoutMs: 20_000, env })
    for (let count = 0; count < WARM_UP; count++) await environment.invoke({})
    return { mode, collector, environment, responseMs: [] as number[], heldMs: [] as number[] }
  }
  const all = await Promise.all(MODES.map(open))
  for (let round = 0; round < ROUNDS; round += RUN) {
    for (const { environment, responseMs, heldMs } of all) {
      for (let count = 0; count < RUN; count++) {
        const invocation = await environment.invoke({})
        responseMs.push(invocation.responseMs)
        heldMs.push(invocation.heldMs)
      }
    }
  }
  const done: DeliveryCell[] = []
  for (const { mode, collector, environment, responseMs, heldMs } of all) {
    await environment.close()
    const delivered = collector.spans.filter(({ name }) => name === "function").length
    const requests = collector.batches.length
    await collector.close()
    done.push({ runtime: name, mode, responseMs, heldMs, requests, invoked: WARM_UP + responseMs.length, delivered })
  }
  return done
}

function print(all: readonly DeliveryCell[]): void {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const rows = all.map(({ runtime, mode, responseMs, heldMs, requests, invoked, delivered }) => [
    `${runtime}, ${mode}`,
    median(responseMs).toFixed(2),
    median(heldMs).toFixed(2),
    mean(heldMs).toFixed(2),
    String(requests),
    `${delivered} of ${invoked}`,
  ])
  console.log(`\n${ROUNDS} back-to-back invocations of a function that does nothing; the collector answers after 25 ms.\n`)
  console.log(table([["", "response, median ms", "held, median ms", "held, mean ms", "requests", "roots delivered"], ...rows]))
}
