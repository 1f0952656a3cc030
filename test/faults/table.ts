// The fault table, from the raw results that test/faults/table.test.ts has kept.
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Cell } from "./cells.ts"

export const results: string = fileURLToPath(new URL("../results/faults.json", import.meta.url))

/** Spans that never arrived: before the environment was used again, and ever. */
export function lost({ started, delivered, deliveredWithNext }: Cell): { atOnce: number; forGood: number } {
  return { atOnce: Math.max(0, started - delivered), forGood: Math.max(0, started - deliveredWithNext) }
}

export function faultTable(cells: readonly Cell[]): string {
  const head = ["fault", "runtime", "collector", "started", "delivered", "with the next", "lost", "unchanged", "answer +ms", "billed +ms"]
  const rows = cells.map((cell) => [
    cell.fault,
    cell.runtime,
    cell.transport,
    cell.started,
    cell.delivered,
    cell.deliveredWithNext,
    lost(cell).forGood,
    cell.unchanged ? "yes" : "no",
    cell.addedMs,
    cell.addedBilledMs,
  ])
  const line = (row: readonly unknown[]) => `| ${row.join(" | ")} |`
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(faultTable(JSON.parse(readFileSync(results, "utf8")) as Cell[]))
