// What an idle watchdog costs: memory, processor time, and the journal that it needs of every invocation.
import { openEnvironment } from "../../src/environment/environment.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { keepResults, median, signed, table } from "./_figures.ts"
import { benchRuntimes, buildFunctions } from "./_functions.ts"
import type { WatchdogCell } from "./_shapes.ts"

const STARTS = Number(process.env["STARTS"] ?? 10)
const INVOCATIONS = 30

const folder = await buildFunctions()
const collector = await startCollector()
const cells: WatchdogCell[] = []
for (const [runtimeName, runtime] of Object.entries(benchRuntimes)) {
  const mine = [false, true].map(
    (watched) => ({ runtime: runtimeName, watched, cpuMs: [], rssMiB: [], firstHeldMs: [], responseMs: [] }) as WatchdogCell,
  )
  for (let start = 0; start < STARTS; start++) {
    for (const cell of start % 2 === 0 ? mine : mine.toReversed()) {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...(cell.watched && { ANTIFREEZE_WATCHDOG: "true" }) }
      const environment = openEnvironment({ handler: "usage-cjs.handler", taskRoot: folder, runtime, timeoutMs: 20_000, env })
      cell.firstHeldMs.push((await environment.invoke({})).heldMs)
      const warm: number[] = []
      let last = ""
      for (let count = 1; count < INVOCATIONS; count++) {
        const { responseMs, payload } = await environment.invoke({})
        warm.push(responseMs)
        last = payload.toString()
      }
      const { cpuMs, rssMiB } = JSON.parse(last) as { cpuMs: number; rssMiB: number }
      cell.cpuMs.push(cpuMs)
      cell.rssMiB.push(rssMiB)
      cell.responseMs.push(median(warm))
      await environment.close()
    }
  }
  cells.push(...mine)
}
await collector.close()
keepResults("bench-watchdog", cells)
print(cells)

function print(all: readonly WatchdogCell[]): void {
  const rows = Object.keys(benchRuntimes).map((name) => {
    const [without, watched] = [false, true].map((wanted) => all.find((cell) => cell.runtime === name && cell.watched === wanted))
    const added = (key: "cpuMs" | "rssMiB" | "firstHeldMs" | "responseMs") =>
      signed(median(watched?.[key] ?? []) - median(without?.[key] ?? []))
    return [name, added("rssMiB"), added("cpuMs"), added("firstHeldMs"), added("responseMs")]
  })
  console.log(
    `\nWhat the watchdog adds to a function that does nothing, medians of ${STARTS} alternated starts with ${INVOCATIONS} invocations each.\n`,
  )
  console.log(table([["", "memory, MiB", "processor, ms", "first hold, ms", "warm response, ms"], ...rows]))
}
