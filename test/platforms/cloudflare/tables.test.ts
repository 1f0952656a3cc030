import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { bestPeerUs, delivers, facts, type Results } from "./_bench-table.ts"
import { calls, untested } from "./_rows.ts"
import { bundle, root } from "./_worker.ts"

const read = <T>(name: string): T => JSON.parse(readFileSync(join(root, "test/results", name), "utf8")) as T

interface Table {
  readonly real: readonly { what: string; spans: number; expected: number; same: boolean }[]
  readonly double: readonly string[]
}

test("the table of handlers and bindings has a row for each, and every row is right", () => {
  const { real, double } = read<Table>("workers.json")
  expect(real).toHaveLength(calls.length + 5)
  expect(double).toEqual(untested)
  for (const row of real) expect(row).toMatchObject({ spans: row.expected, same: true })
})

test("the benchmark has all of its cells", () => {
  const results = read<Results>("workers-bench.json")
  expect(Object.keys(results.variants)).toHaveLength(9)
  for (const variant of Object.values(results.variants)) {
    expect(variant.none).toHaveLength(results.rounds)
    expect(variant.fetch).toHaveLength(results.rounds)
  }
  for (const name of Object.keys(results.variants).filter((name) => name !== "bare")) expect(delivers(results, name)).toBe(true)
})

test("in the benchmark, tracing costs less than the best peer that delivers adds", () => {
  const results = read<Results>("workers-bench.json")
  for (const path of ["none", "fetch"] as const) {
    for (const { name, [path]: cost } of facts(results))
      if (name.startsWith("antifreeze")) expect(cost.addedUs).toBeLessThan(bestPeerUs(results, path))
  }
})

test("in the benchmark, both entries cost less than 1.3 times the POST of the same bytes, and lingering a third of the best peer", () => {
  const results = read<Results>("workers-bench.json")
  const find = (wanted: string) => facts(results).find(({ name }) => name === wanted)
  for (const path of ["none", "fetch"] as const) {
    expect(find("antifreeze")?.[path].overPost).toBeLessThan(1.3)
    expect(find("antifreeze/edge")?.[path].overPost).toBeLessThan(1.3)
    expect(find("antifreeze, lingering")?.[path].addedUs).toBeLessThan(bestPeerUs(results, path) / 3)
  }
})

test("100,000 requests of one trace: nothing kept, mixed or lost", () => {
  const many = read<{ requests: number; heapBytesPerRequest: number }>("workers-many.json")
  expect(many).toMatchObject({ requests: 100_000, roots: 100_000, children: 100_000, mixed: 0, wrongTrace: 0 })
  expect(many.heapBytesPerRequest).toBeLessThan(50)
})

test("imports nothing of Node statically, and asks for nothing at module scope", async () => {
  for (const entry of ["antifreeze", "antifreeze/edge"]) {
    const code = await bundle(`import { withTracing } from "${entry}"; export default withTracing({ fetch: () => new Response("ok") })`, {
      minify: true,
    })
    expect(code).not.toMatch(/\bfrom\s*"node:|\bimport\s*"node:|import\("node:|cloudflare:workers/)
    expect(code).not.toContain("@opentelemetry/")
  }
})
