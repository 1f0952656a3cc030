import { traceFor } from "../../core/trace.ts"
import { type AnyIntegration, takeOffered, tracedBy } from "../../integrations/_patch.ts"
import { state } from "../edge/state.ts"

const KEY = Symbol.for("antifreeze.edge-libraries.v1")

/** Names of the libraries that are watched, by whichever copy of this package. */
const watched: Set<string> = ((globalThis as { [KEY]?: Set<string> })[KEY] ??= new Set())

/**
 * The `traced` of a library, for Workers. It brings what Node's entry has within: a Worker without such a library does not carry
 * it. What cannot be traced is given back as it is: before the compatibility date 2025-05-05 there is no `WeakRef`.
 */
export function tracedByInWorker(integration: AnyIntegration): <T extends object>(target: T) => T {
  const traced = tracedBy(integration)
  return (target) => {
    try {
      takeOffered(watch)
      return traced(target)
    } catch (error) {
      state.report("instrumentation", `calls of ${integration.name} are not traced: ${String(error)}.`)
      return target
    }
  }
}

function watch(integration: AnyIntegration): void {
  if (watched.has(integration.name)) return
  watched.add(integration.name)
  integration.watch(traceFor(state.scopeManager, integration, state.report))
}
