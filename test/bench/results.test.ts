import { describe, expect, test } from "vitest"
import { median, readResults } from "./_figures.ts"
import {
  addedUs,
  type ColdCell,
  type DeliveryCell,
  FIRST_MEMORY_MB,
  type FirstCell,
  type LayerColdCell,
  type StoreCell,
  type WarmCell,
  type WatchdogCell,
} from "./_shapes.ts"

// The figures of the README come from these raw results. `npm run bench` writes them anew; a test never times anything itself.
describe("the kept benchmark results", () => {
  test("the warm table has all its cells, each with every round, and no span missed its freeze", () => {
    const cells = readResults<WarmCell[]>("bench-warm")
    expect(cells).toHaveLength(2 * 4)
    for (const { responseMs, missed } of cells) {
      expect(Object.values(responseMs).map((values) => values.length)).toEqual([200, 200, 200, 200])
      expect(missed).toBe(0)
    }
  })

  test("a warm response is later than the floor's by at most six tenths of the bare one's", () => {
    for (const { responseMs } of readResults<WarmCell[]>("bench-warm")) {
      const [bare, floor, ours] = [responseMs.bare, responseMs.floor, responseMs.ours].map(median) as [number, number, number]
      expect((ours - floor) / bare).toBeLessThanOrEqual(0.6)
    }
  })

  test("adaptive delivery holds the freeze for a fifth of the time at most, and every invocation has arrived", () => {
    const cells = readResults<DeliveryCell[]>("bench-delivery")
    expect(cells).toHaveLength(2 * 3)
    for (const { invoked, delivered, heldMs } of cells) {
      expect(heldMs).toHaveLength(200)
      expect(delivered).toBe(invoked)
    }
    for (const { runtime, mode, heldMs } of cells) {
      const after = cells.find((cell) => cell.runtime === runtime && cell.mode === "after")?.heldMs ?? []
      if (mode === "adaptive") expect(median(heldMs)).toBeLessThan(median(after) / 5)
    }
  })

  test("the watchdog's table has a figure of each start", () => {
    const cells = readResults<WatchdogCell[]>("bench-watchdog")
    expect(cells).toHaveLength(2 * 2)
    for (const { cpuMs, rssMiB, responseMs } of cells) expect([cpuMs.length, rssMiB.length, responseMs.length]).toEqual([10, 10, 10])
    const [without, watched] = [false, true].map((wanted) => cells.filter((cell) => cell.watched === wanted).flatMap((cell) => cell.rssMiB))
    expect(median(watched ?? []) - median(without ?? [])).toBeLessThan(25)
  })

  test("the stores' table has all its cells, each with every pair, and we add less than OpenTelemetry does, all of them together", () => {
    const cells = readResults<StoreCell[]>("bench-stores")
    expect(cells).toHaveLength(16)
    const both = cells.filter(({ ways }) => ways.opentelemetry !== undefined)
    expect(both).toHaveLength(11)
    for (const { ways } of cells) for (const pairs of Object.values(ways)) expect(pairs).toHaveLength(80)
    const sum = (way: "antifreeze" | "opentelemetry") => both.reduce((total, cell) => total + (addedUs(cell, way) ?? Number.NaN), 0)
    expect(sum("antifreeze")).toBeLessThan(sum("opentelemetry"))
  })

  test("the table of first responses has all its cells, and a small function's first response takes what a tenth of a start takes", () => {
    const cells = readResults<FirstCell[]>("bench-first")
    expect(cells).toHaveLength(2 * FIRST_MEMORY_MB.length)
    for (const { ways } of cells) {
      for (const { initMs, firstMs, heldMs } of Object.values(ways))
        expect([initMs, firstMs, heldMs].map(({ length }) => length)).toEqual([12, 12, 12])
    }
    for (const { bare, ours } of cells.filter(({ memoryMb }) => memoryMb === 512).map(({ ways }) => ways)) {
      expect(median(ours.firstMs) - median(bare.firstMs)).toBeLessThan(median(bare.initMs) / 10)
    }
  })

  test("the layer's table has all its cells, each with every start", () => {
    const cells = readResults<LayerColdCell[]>("bench-layer")
    expect(cells).toHaveLength(2 * 2 * 6)
    for (const { initMs, firstMs } of cells) expect([initMs.length, firstMs.length]).toEqual([20, 20])
  })

  test("the cold table has all its cells, each with every start", () => {
    const cells = readResults<ColdCell[]>("bench-cold")
    expect(cells).toHaveLength(2 * 8)
    for (const { initMs, firstMs } of cells) {
      expect(initMs.length).toBeGreaterThanOrEqual(20)
      expect(firstMs).toHaveLength(initMs.length)
      expect(initMs.every((ms) => ms > 0)).toBe(true)
    }
  })
})
