// What tracing adds to the response of a warm function: bare, the limit of the mechanism, ours, and a POST awaited in the handler.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { openEnvironment } from "../../src/environment/environment.ts"
import { startCollector } from "../../src/viewer/collector.ts"
import { certificate } from "../_certificate.ts"
import { late } from "../faults.ts"
import { keepResults, median, signed, table } from "./_figures.ts"
import { benchRuntimes, buildFunctions } from "./_functions.ts"
import type { WarmCell } from "./_shapes.ts"

const VARIANTS = ["bare", "floor", "ours", "awaited"] as const
const WARM_UP = 30
const ROUNDS = Number(process.env["ROUNDS"] ?? 200)

const folder = await buildFunctions()
const tls = await certificate()
const certFile = join(folder, "ca.pem")
writeFileSync(certFile, tls.cert)
const settings = [
  { name: "HTTP collector", memoryMb: 1769 },
  { name: "HTTPS collector", memoryMb: 1769, tls },
  { name: "HTTP, 512 MB", memoryMb: 512 },
  { name: "HTTP, 128 MB", memoryMb: 128 },
]
const cells: WarmCell[] = []
for (const [name, runtime] of Object.entries(benchRuntimes))
  for (const setting of settings) cells.push(await measure(name, runtime, setting))
keepResults("bench-warm", cells)
print(cells)

async function measure(name: string, runtime: (typeof benchRuntimes)[string], setting: (typeof settings)[number]): Promise<WarmCell> {
  const collector = await startCollector({ ...(setting.tls && { tls: setting.tls }), onRequest: late(25) })
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, NODE_EXTRA_CA_CERTS: certFile }
  const environments = VARIANTS.map((variant) => {
    const options = { handler: `${variant}-cjs.handler`, taskRoot: folder, runtime, memoryMb: setting.memoryMb, timeoutMs: 20_000, env }
    return [variant, openEnvironment(options)] as const
  })
  const responseMs = { bare: [], floor: [], ours: [], awaited: [] } as WarmCell["responseMs"]
  let missed = 0
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    // Another order each time, so that no variant always follows the same one.
    for (let turn = 0; turn < VARIANTS.length; turn++) {
      const [variant, environment] = environments[(round + turn) % VARIANTS.length] ?? []
      if (variant === undefined || environment === undefined) continue
      const before = collector.batches.length
      const invocation = await environment.invoke({})
      if (round < WARM_UP) continue
      responseMs[variant].push(invocation.responseMs)
      const inTime = collector.batches.slice(before).some((batch) => batch.receivedAtMs <= (invocation.frozenAtMs ?? 0))
      if (variant === "ours" && !inTime) missed++
    }
  }
  await Promise.all(environments.map(([, environment]) => environment.close()))
  await collector.close()
  return { runtime: name, setting: setting.name, responseMs, missed }
}

function print(all: readonly WarmCell[]): void {
  const rows = all.map(({ runtime, setting, responseMs, missed }) => {
    const bare = median(responseMs.bare)
    const added = (variant: keyof WarmCell["responseMs"]) => median(responseMs[variant]) - bare
    const overFloor = median(responseMs.ours) - median(responseMs.floor)
    return [
      `${runtime}, ${setting}`,
      bare.toFixed(2),
      signed(added("floor")),
      signed(added("ours")),
      signed(overFloor),
      signed(added("awaited")),
      String(missed),
    ]
  })
  console.log(`\nResponse latency of a warm function that does nothing, median of ${ROUNDS} alternated invocations, ms.`)
  console.log(`The collector answers after 25 ms. Floor: an in-process extension and the same POST, without tracing.\n`)
  console.log(table([["", "bare", "floor", "ours", "ours − floor", "awaited POST", "missed"], ...rows]))
}
