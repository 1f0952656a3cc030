// Prints what was seen in workerd: `node test/platforms/cloudflare/table.ts`, from the raw results that the tests and benchmarks wrote.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { printTable, type Results } from "./_bench-table.ts"
import { root } from "./_worker.ts"

const read = (name: string) => JSON.parse(readFileSync(join(root, "test/results", name), "utf8"))

const { real, double } = read("workers.json") as {
  real: { what: string; spans: number; expected: number; same: boolean }[]
  double: string[]
}
console.log("Handlers and bindings in workerd: spans as expected, and the same answer as without tracing")
console.table(
  Object.fromEntries([
    ...real.map(({ what, spans, expected, same }) => [what, { spans: `${spans} of ${expected}`, "same answer": same ? "yes" : "NO" }]),
    ...double.map((what) => [what, { spans: "against a double", "same answer": "untested against the real thing" }]),
  ]),
)
printTable(read("workers-bench.json") as Results)
console.log("\nMany requests of one trace:")
console.table(read("workers-many.json"))
