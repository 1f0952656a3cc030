// What the layer adds to a cold start, and where each millisecond goes: each variant has one part more than the one before it.
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openEnvironment } from "../../src/environment/environment.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { opt } from "../layer/_compare.ts"
import { buildBundles, functions } from "../layer/bundles.ts"
import { keepResults, median, signed, table } from "./_figures.ts"
import { benchRuntimes } from "./_functions.ts"
import type { LayerColdCell } from "./_shapes.ts"

const STARTS = Number(process.env["STARTS"] ?? 20)
const FUNCTIONS = { "does nothing": "common-noop.handler", "loads the AWS SDK": "dist/sdk.handler" }

const collector = await startCollector()
const folder = mkdtempSync(join(tmpdir(), "antifreeze-layer-"))
const exporting = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
const VARIANTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bare: {},
  "an empty exec wrapper in sh": { AWS_LAMBDA_EXEC_WRAPPER: emptyWrapper() },
  "+ redirect handler": { AWS_LAMBDA_EXEC_WRAPPER: `${layerWithoutLibrary()}/antifreeze` },
  "+ library": { AWS_LAMBDA_EXEC_WRAPPER: `${opt}/antifreeze` },
  "+ registration: the layer": { AWS_LAMBDA_EXEC_WRAPPER: `${opt}/antifreeze`, ...exporting },
  "+ all libraries: the full layer": { AWS_LAMBDA_EXEC_WRAPPER: `${fullLayer()}/antifreeze`, ...exporting },
}

await buildBundles()
const cells: LayerColdCell[] = []
for (const [name, runtime] of Object.entries(benchRuntimes)) {
  for (const [title, handler] of Object.entries(FUNCTIONS)) {
    const mine = Object.keys(VARIANTS).map(
      (variant): LayerColdCell => ({ runtime: name, function: title, variant, initMs: [], firstMs: [] }),
    )
    for (let start = 0; start <= STARTS; start++) {
      for (let turn = 0; turn < mine.length; turn++) {
        const cell = mine[(start + turn) % mine.length]
        if (cell === undefined) continue
        const environment = openEnvironment({ handler, taskRoot: functions, runtime, optRoot: opt, env: { ...VARIANTS[cell.variant] } })
        const invocation = await environment.invoke({})
        await environment.close()
        if (start === 0) continue
        cell.initMs.push(invocation.initMs ?? Number.NaN)
        cell.firstMs.push(invocation.responseMs)
      }
    }
    cells.push(...mine)
  }
}
await collector.close()
rmSync(folder, { recursive: true })
keepResults("bench-layer", cells)
print(cells)

function print(all: readonly LayerColdCell[]): void {
  for (const title of Object.keys(FUNCTIONS)) {
    const rows = Object.keys(VARIANTS).map((variant, at) => {
      const figures = Object.keys(benchRuntimes).flatMap((runtime) => {
        const cell = (name: string | undefined) =>
          all.find((one) => one.runtime === runtime && one.function === title && one.variant === name)
        const [own, before, bare] = [cell(variant), cell(Object.keys(VARIANTS)[at - 1]), cell("bare")]
        if (own === undefined || bare === undefined) return ["?", "?", "?", "?"]
        // Pairs of one round: the machine's mood passes.
        const added = (mine: number[], theirs: number[]) => signed(median(mine.map((ms, round) => ms - (theirs[round] ?? Number.NaN))))
        const step = before === undefined ? "" : added(own.initMs, before.initMs)
        const [total, first] = at === 0 ? ["", ""] : [added(own.initMs, bare.initMs), added(own.firstMs, bare.firstMs)]
        return [median(own.initMs).toFixed(1), step, total, first]
      })
      return [variant, ...figures]
    })
    console.log(`\nCold start of a function that ${title}, median of ${STARTS} alternated starts, ms.\n`)
    const columns = Object.keys(benchRuntimes).flatMap((runtime) => [runtime.replace(/,.*/, ""), "step", "over bare", "first response"])
    console.log(table([["", ...columns], ...rows]))
  }
}

function emptyWrapper(): string {
  return script(join(folder, "empty"), '#!/bin/sh\nexec "$@"\n')
}

function layerWithoutLibrary(): string {
  const copy = join(folder, "layer")
  cpSync(opt, copy, { recursive: true })
  const empty = "exports.begin = exports.reportInitError = () => {}\nexports.traceLoaded = (handler) => handler\n"
  writeFileSync(join(copy, "nodejs/node_modules/antifreeze/index.cjs"), empty)
  return copy
}

function fullLayer(): string {
  const copy = join(folder, "full")
  for (const part of [opt, `${opt}-more`]) cpSync(part, copy, { recursive: true })
  return copy
}

function script(path: string, text: string): string {
  writeFileSync(path, text)
  chmodSync(path, 0o755)
  return path
}
