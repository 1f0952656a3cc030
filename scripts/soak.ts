// npm run soak [-- <invocations> <seed>]: 10,000 invocations by default.
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { soak } from "../test/faults/soak.ts"
import { runtimes } from "../test/runtimes/runtimes.ts"

const [invocations = "10000", seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2)
console.log(`${invocations} invocations, seed ${seed}`)
const real = Object.entries({ ric3: runtimes.ric3, ric4: runtimes.ric4 })
const report = await soak({ seed: Number(seed), invocations: Number(invocations), runtimes: real })
writeFileSync(fileURLToPath(new URL("../test/results/soak.json", import.meta.url)), `${JSON.stringify(report, undefined, 1)}\n`)
console.log(report)
if (report.unaccounted.length > 0) process.exitCode = 1
