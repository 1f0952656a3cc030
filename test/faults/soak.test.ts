import { expect, test } from "vitest"
import { runtimes } from "../runtimes/runtimes.ts"
import { soak } from "./soak.ts"

const SEED = Number(process.env["SOAK_SEED"] ?? Date.now() % 2 ** 31)

// The long form, of 10,000 invocations, is scripts/soak.ts.
test(`every span is accounted for, whatever happens at random (SOAK_SEED=${SEED})`, { timeout: 120_000 }, async () => {
  const report = await soak({ seed: SEED, invocations: 300, runtimes: Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 }) })
  console.log(report)
  expect(report.unaccounted).toEqual([])
  expect(report.delivered).toBeGreaterThan(report.started * 0.9)
  for (const bytes of report.heapGrowthBytes) expect(bytes).toBeLessThan(3_000_000)
})
