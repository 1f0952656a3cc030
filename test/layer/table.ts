// Prints what test/layer/shapes.test.ts measured last: `node test/layer/table.ts`. Nothing in it but what the raw results say.
import { median, readResults, signed } from "../bench/_figures.ts"
import type { Cell, SpanCounts } from "./_compare.ts"

export const COLUMNS: readonly (readonly [runtime: string, client: Cell["client"]])[] = [
  ["22", "native"],
  ["22", "alternative"],
  ["24", "native"],
  ["24", "alternative"],
]

/**
 * The response's delay against the bare function, milliseconds, each at its least disturbed: a wait for the collector would be in every
 * one of them. `undefined` where nothing is ever warm.
 */
export function addedMs({ bareMs, layerMs }: Cell): number | undefined {
  return layerMs.length === 0 ? undefined : Math.min(...layerMs) - Math.min(...bareMs)
}

/** 2 ms, and on a machine with other things to do, whatever the bare function's own responses differ by. */
export function isLate(cell: Cell): boolean {
  return (addedMs(cell) ?? 0) > Math.max(2, median(cell.bareMs) - Math.min(...cell.bareMs))
}

export function isComplete({ spans, expected }: Cell): boolean {
  return (Object.keys(expected) as (keyof SpanCounts)[]).every((key) => spans[key] === expected[key])
}

export function printTable(cells: readonly Cell[]): string {
  const shapes = [...new Set(cells.map(({ shape }) => shape))]
  const text = (shape: string, [node, client]: (typeof COLUMNS)[number]) => {
    const cell = cells.find((one) => one.shape === shape && one.client === client && one.runtime.endsWith(`Node ${node}`))
    if (cell === undefined) return "?"
    const ms = addedMs(cell)
    const { roots, calls, failedInits } = cell.spans
    return `${cell.differences.length === 0 ? "identical" : "DIFFERS"}, ${ms === undefined ? "never warm" : `${signed(ms)} ms`}, ${roots + calls + failedInits} spans${isComplete(cell) ? "" : " INCOMPLETE"}`
  }
  const rows = shapes.map((shape) => [shape, ...COLUMNS.map((column) => text(shape, column))])
  const head = ["handler", ...COLUMNS.map(([node, client]) => `Node ${node}${client === "native" ? "" : ", alternative client"}`)]
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")
}

if (process.argv[1] === import.meta.filename) console.log(printTable(readResults<Cell[]>("layer-shapes")))
