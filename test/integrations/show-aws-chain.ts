// Draws the chain of four functions in the terminal: `node test/integrations/show-aws-chain.ts`, and a batch of two chains: `… 2`.
import { renderWaterfall } from "../../src/viewer/waterfall.ts"
import { runChain } from "./_aws-chain.ts"

const spans = await runChain("cjs-bundled", Number(process.argv[2] ?? 1))
for (const traceId of new Set(spans.map((span) => span.traceId))) {
  const trace = spans.filter((span) => span.traceId === traceId)
  console.log(renderWaterfall(trace, { width: process.stdout.columns ?? 110, color: process.stdout.isTTY }))
  for (const { name, links } of trace) for (const link of links) console.log(`  ${name} is linked to ${link.traceId} ${link.spanId}`)
}
