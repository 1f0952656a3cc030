// Every way to write a handler, on both of AWS's runtimes: the layer must not be seen from outside, and must see everything.
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, expect, test } from "vitest"
import { keepResults, median, readResults } from "../bench/_figures.ts"
import { runtimes } from "../runtimes/runtimes.ts"
import { type Cell, compare, type Setup } from "./_compare.ts"
import { shapes } from "./_shapes.ts"
import { buildBundles } from "./bundles.ts"
import { addedMs, COLUMNS, isComplete, isLate, LATE_MS, WAITS_MS } from "./table.ts"

const upstream = createServer((_request, response) => void response.end("upstream"))

beforeAll(async () => {
  await buildBundles()
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve))
  const { port } = upstream.address() as AddressInfo
  const lanes = (["ric3", "ric4"] as const).flatMap((runtime) =>
    (["native", "alternative"] as const).map((client): Setup => ({ runtime, client, upstream: `http://127.0.0.1:${port}/` })),
  )
  const measured = await Promise.all(
    lanes.map(async (setup) => {
      const cells: Cell[] = []
      for (const shape of shapes) cells.push(await compare(shape, runtimes[setup.runtime], setup))
      return cells
    }),
  )
  // Four lanes on two processors disturb each other: what looks slow is measured again, alone.
  const cells: Cell[] = []
  for (const [lane, all] of measured.entries()) {
    for (const [at, first] of all.entries()) {
      const [shape, setup] = [shapes[at], lanes[lane]]
      let cell = first
      for (let attempt = 0; attempt < 3 && isLate(cell) && shape && setup; attempt++) {
        const again = await compare(shape, runtimes[setup.runtime], setup)
        cell = { ...again, bareMs: [...cell.bareMs, ...again.bareMs], layerMs: [...cell.layerMs, ...again.layerMs] }
      }
      cells.push(cell)
    }
  }
  keepResults("layer-shapes", cells)
}, 900_000)
afterAll(() => void upstream.close())

test("every shape has been tried on both runtimes with both clients", () => {
  expect(shapes.length).toBeGreaterThanOrEqual(61)
  expect(readResults<Cell[]>("layer-shapes")).toHaveLength(shapes.length * COLUMNS.length)
})

test("result, error, headers and log are those of the bare function, byte by byte", () => {
  const all = readResults<Cell[]>("layer-shapes")
  expect(all.filter(({ differences }) => differences.length > 0)).toEqual([])
})

test("all spans have arrived", () => {
  const lacking = readResults<Cell[]>("layer-shapes").filter((cell) => !isComplete(cell))
  expect(lacking.map(({ shape, runtime, client, spans, expected }) => ({ shape, runtime, client, spans, expected }))).toEqual([])
})

test("something was expected of every cell", () => {
  for (const { expected } of readResults<Cell[]>("layer-shapes")) {
    expect(expected.roots + expected.failedInits).toBeGreaterThan(0)
  }
})

test(`with a collector that takes 250 ms, no response waits for it, and half of them are at most 2 ms later`, () => {
  const added = readResults<Cell[]>("layer-shapes").map(addedMs)
  const warm = added.filter((ms) => ms !== undefined)
  expect(warm.length).toBeGreaterThan(140)
  expect(Math.max(...warm)).toBeLessThan(WAITS_MS)
  expect(median(warm)).toBeLessThan(LATE_MS)
})
