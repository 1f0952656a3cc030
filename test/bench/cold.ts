// What the code wrapper adds to a cold start: bare, the limit of the mechanism, and ours in CommonJS and ESM, bundled and not.
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { openEnvironment } from "../../src/environment/environment.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { keepResults, median, signed, table } from "./_figures.ts"
import { benchRuntimes, buildFunctions } from "./_functions.ts"
import { partsOf } from "./_parts.ts"
import type { ColdCell } from "./_shapes.ts"

const FILES = {
  "bare, CJS": "bare-cjs.cjs",
  "floor, CJS": "floor-cjs.cjs",
  "ours, CJS bundled": "ours-cjs.cjs",
  "ours, CJS unbundled": "unbundled-cjs.cjs",
  "bare, ESM": "bare-esm.mjs",
  "floor, ESM": "floor-esm.mjs",
  "ours, ESM bundled": "ours-esm.mjs",
  "ours, ESM unbundled": "unbundled-esm.mjs",
}
type Variant = keyof typeof FILES
const variants = Object.keys(FILES) as Variant[]
const STARTS = Number(process.env["STARTS"] ?? 20)

const event: unknown = JSON.parse(readFileSync(new URL("../../examples/lambda/event.json", import.meta.url), "utf8"))
const folder = await buildFunctions()
const collector = await startCollector()
const cells: ColdCell[] = []
for (const [name, runtime] of Object.entries(benchRuntimes)) {
  const mine = variants.map((variant): ColdCell => ({ runtime: name, variant, initMs: [], firstMs: [] }))
  for (let start = 0; start <= STARTS; start++) {
    for (let turn = 0; turn < mine.length; turn++) {
      const cell = mine[(start + turn) % mine.length]
      if (cell === undefined) continue
      const handler = FILES[cell.variant as Variant].replace(/\.[cm]js$/, ".handler")
      const environment = openEnvironment({ handler, taskRoot: folder, runtime, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } })
      const invocation = await environment.invoke(event)
      await environment.close()
      if (start === 0) continue
      cell.initMs.push(invocation.initMs ?? Number.NaN)
      cell.firstMs.push(invocation.responseMs)
    }
  }
  cells.push(...mine)
}
await collector.close()
keepResults("bench-cold", cells)
print(cells)

function print(all: readonly ColdCell[]): void {
  const rows = all.map(({ runtime, variant, initMs, firstMs }) => {
    const format = variant.includes("ESM") ? "ESM" : "CJS"
    const other = (name: string) =>
      all.find((cell) => cell.runtime === runtime && cell.variant === `${name}, ${format}`) ?? { initMs: [], firstMs: [] }
    const over = (name: string) => signed(median(initMs) - median(other(name).initMs))
    const overFirst = signed(median(firstMs) - median(other("floor").firstMs))
    const bytes = statSync(join(folder, FILES[variant as Variant])).size
    return [
      `${runtime}, ${variant}`,
      median(initMs).toFixed(1),
      over("bare"),
      over("floor"),
      overFirst,
      variant.includes("unbundled") ? "" : (bytes / 1000).toFixed(1),
    ]
  })
  console.log(`\nCold start of a function that does nothing, median of ${STARTS} alternated starts, ms.\n`)
  console.log(table([["", "init", "over bare", "over floor", "first response over floor", "bundle kB"], ...rows]))
  console.log("\nWhat the start of our bundle is made of; the rest is the registration, which the floor has too, and memory.\n")
  for (const [name, { node }] of Object.entries(benchRuntimes)) {
    const { kB, compile, evaluate } = partsOf(node, join(folder, FILES["ours, CJS bundled"]))
    console.log(
      `${name}: ${compile.toFixed(2)} ms to compile ${kB.toFixed(0)} kB, ${evaluate.toFixed(2)} ms to evaluate it and wrap the handler`,
    )
  }
}
