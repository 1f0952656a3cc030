import { writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { certificate } from "../_certificate.ts"
import { runtimes } from "../runtimes/runtimes.ts"
import { type Cell, runBare, runCell, type Seen } from "./cells.ts"
import { faults } from "./list.ts"
import { faultTable, lost, results } from "./table.ts"

const cells: Cell[] = []
const real = Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 })
let tls: Awaited<ReturnType<typeof certificate>>
beforeAll(async () => {
  tls = await certificate()
})

describe.each(real)("on %s", (name, runtime) => {
  describe.each(faults)("$name", (fault) => {
    let bare: Seen
    beforeAll(async () => {
      bare = await runBare(fault, runtime)
    })

    test.each(["http", "https"] as const)("no span is lost and nothing is changed (%s)", async (transport) => {
      const cell = await runCell(fault, [name, runtime], transport, tls, bare)
      cells.push(cell)
      expect(cell.differences).toEqual([])
      if (!cell.mayLose) expect(lost(cell).forGood).toBe(0)
      if (cell.atOnce) expect(lost(cell).atOnce).toBe(0)
      expect(cell.deliveredWithNext).toBeLessThanOrEqual(cell.started)
    })
  })
})

afterAll(() => {
  expect(cells).toHaveLength(faults.length * 2 * 2)
  writeFileSync(results, `${JSON.stringify(cells, undefined, 1)}\n`)
  console.log(faultTable(cells))
})
