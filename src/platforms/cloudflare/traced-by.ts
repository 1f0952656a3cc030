import { traceFor } from "../../core/trace.ts"
import { type AnyIntegration, takeOffered, tracedBy } from "../../integrations/_patch.ts"
import { state } from "../edge/state.ts"

let watches = false

/**
 * The `traced` of a library, for Workers. It brings what Node's entry has within: a Worker without such a library does not carry
 * it. What cannot be traced is given back as it is: before the compatibility date 2025-05-05 there is no `WeakRef`.
 */
export function tracedByInWorker(integration: AnyIntegration): <T extends object>(target: T) => T {
  const traced = tracedBy(integration)
  return (target) => {
    try {
      if (!watches) takeOffered((offered) => void offered.watch(traceFor(state.scopeManager, offered, state.report)))
      watches = true
      return traced(target)
    } catch (error) {
      state.report("instrumentation", `calls of ${integration.name} are not traced: ${String(error)}.`)
      return target
    }
  }
}
