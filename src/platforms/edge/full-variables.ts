import type { Propagator } from "../../core/contracts.ts"
import { b3MultiPropagator, b3Propagator } from "../../core/propagation/b3.ts"
import { jaegerPropagator } from "../../core/propagation/jaeger.ts"
import { w3cPropagators } from "../../core/propagation/w3c.ts"
import { traceIdRatio } from "../../core/sampler.ts"
import type { Variables } from "./settings.ts"
import { state } from "./state.ts"
import { readVariables } from "./variables.ts"

const known = new Map(
  [...w3cPropagators, b3Propagator, b3MultiPropagator, jaegerPropagator].map((propagator) => [propagator.name, propagator]),
)

/** All that an environment can say at the edge. */
export function readAllVariables(env: Readonly<Record<string, string | undefined>>): Variables {
  const propagators = env["OTEL_PROPAGATORS"]
  const sampler = env["OTEL_TRACES_SAMPLER"]
  return {
    ...readVariables(env),
    ...(propagators && { propagators: choose(propagators) }),
    ...(sampler?.endsWith("traceidratio") && { sampler: traceIdRatio(Number(env["OTEL_TRACES_SAMPLER_ARG"] ?? 1)) }),
    ...(sampler?.endsWith("always_off") && { sampler: traceIdRatio(0) }),
  }
}

function choose(names: string): readonly Propagator[] {
  return names.split(",").flatMap((name) => {
    const found = known.get(name.trim())
    if (found === undefined && name.trim() !== "none")
      state.report("config", `OTEL_PROPAGATORS=${name} is ignored. Known are ${[...known.keys()].join(", ")} and none.`)
    return found ?? []
  })
}
