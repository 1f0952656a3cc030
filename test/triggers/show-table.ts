// The table of the triggers, from the results of the last test run: `node test/triggers/show-table.ts`.
import { readFileSync } from "node:fs"

interface Cell {
  readonly trigger: string
  readonly name: string
  readonly kind: string
  readonly faas: string
  readonly hasParent: boolean
  readonly links: number
}

const { cells, mutationsOfEach } = JSON.parse(readFileSync(new URL("../results/triggers.json", import.meta.url), "utf8")) as {
  cells: Cell[]
  mutationsOfEach: number
}
const kinds = [...new Set(cells.map(({ trigger }) => trigger))]
console.log(
  "| trigger | events | span | kind | faas.trigger | caller is the parent in | links for a batch |\n|---|---|---|---|---|---|---|",
)
for (const kind of kinds) {
  const rows = cells.filter(({ trigger }) => trigger === kind)
  const [first] = rows
  const parents = rows.filter(({ hasParent }) => hasParent).length
  const links = Math.max(...rows.map(({ links }) => links))
  console.log(`| ${kind} | ${rows.length} | ${first?.name} | ${first?.kind} | ${first?.faas} | ${parents} | ${links || ""} |`)
}
console.log(`\n${kinds.length} triggers, ${cells.length} events, ${kinds.length * mutationsOfEach} mutations`)
