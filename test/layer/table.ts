// Prints what test/layer/shapes.test.ts measured last: `node test/layer/table.ts`. Nothing in it but what the raw results say.
import { readResults, signed } from "../bench/_figures.ts"
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

/** What the response may be later; the table names each cell that was. */
export const LATE_MS = 2

/** A fifth of what the collector takes: a response that waited for it is this late on any machine. */
export const WAITS_MS = 50

export function isLate(cell: Cell): boolean {
  return (addedMs(cell) ?? 0) > LATE_MS
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
    return `${cell.differences.length === 0 ? "identical" : "DIFFERS"}, ${ms === undefined ? "never warm" : `${signed(ms)} ms${isLate(cell) ? " LATE" : ""}`}, ${roots + calls + failedInits} spans${isComplete(cell) ? "" : " INCOMPLETE"}`
  }
  const rows = shapes.map((shape) => [shape, ...COLUMNS.map((column) => text(shape, column))])
  const head = ["handler", ...COLUMNS.map(([node, client]) => `Node ${node}${client === "native" ? "" : ", alternative client"}`)]
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")
}

if (process.argv[1] === import.meta.filename) console.log(printTable(readResults<Cell[]>("layer-shapes")))
