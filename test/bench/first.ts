// What a client waits for at a cold start, by the function's memory: Init, which has a whole processor, and the first response, which has a
// share of one; and the hold after it, which is billed.
import { readFileSync } from "node:fs"
import { openEnvironment } from "../../src/environment/environment.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { keepResults, median, signed, table } from "./_figures.ts"
import { benchRuntimes, buildFunctions } from "./_functions.ts"
import { FIRST_MEMORY_MB, type FirstCell } from "./_shapes.ts"

const FILES = { bare: "bare-cjs", floor: "floor-cjs", ours: "ours-cjs" } as const
const STARTS = Number(process.env["STARTS"] ?? 12)

const event: unknown = JSON.parse(readFileSync(new URL("../../examples/lambda/event.json", import.meta.url), "utf8"))
const folder = await buildFunctions()
const collector = await startCollector()
const cells: FirstCell[] = []
for (const memoryMb of FIRST_MEMORY_MB) {
  for (const [name, runtime] of Object.entries(benchRuntimes)) {
    const none = () => ({ initMs: [], firstMs: [], heldMs: [] })
    const cell: FirstCell = { runtime: name, memoryMb, ways: { bare: none(), floor: none(), ours: none() } }
    for (let start = 0; start <= STARTS; start++) {
      for (const way of ["bare", "floor", "ours"] as const) {
        const environment = openEnvironment({
          ...{ handler: `${FILES[way]}.handler`, taskRoot: folder, runtime, memoryMb, timeoutMs: 10_000 },
          env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
        })
        const { initMs = Number.NaN, responseMs, heldMs } = await environment.invoke(event)
        await environment.close()
        if (start === 0) continue
        cell.ways[way].initMs.push(initMs)
        cell.ways[way].firstMs.push(responseMs)
        cell.ways[way].heldMs.push(heldMs)
      }
    }
    cells.push(cell)
  }
}
await collector.close()
keepResults("bench-first", cells)

const rows = cells.map(({ runtime, memoryMb, ways: { bare, floor, ours } }) => {
  const over = (mine: number[], theirs: number[]) => signed(median(mine) - median(theirs))
  return [
    `${runtime}, ${memoryMb} MB`,
    ...[median(bare.initMs).toFixed(1), over(floor.initMs, bare.initMs), over(ours.initMs, bare.initMs)],
    ...[median(bare.firstMs).toFixed(1), over(floor.firstMs, bare.firstMs), over(ours.firstMs, bare.firstMs)],
    ...[median(floor.heldMs).toFixed(0), median(ours.heldMs).toFixed(0)],
  ]
})
console.log(`\nCold start of a function that does nothing, by its memory, medians of ${STARTS} alternated starts, ms.\n`)
console.log(table([["", "init: bare", "floor", "ours", "first response: bare", "floor", "ours", "held: floor", "ours"], ...rows]))
