import { initGlobalTracer } from "opentracing/lib/global_tracer.js"
import { Tracer } from "../../core/tracer.ts"
import { watchAll } from "./integrations.ts"
import type { TracerOptions } from "./options.ts"
import { processState } from "./process-state.ts"
import { environmentSetup } from "./tracer-setup.ts"

/** The tracer of this process, configured by the environment at its first use. All copies of this package have the same one. */
export const tracer: Tracer = (processState.tracer ??= new Tracer(() => {
  watchAll()
  return environmentSetup({})
}))

/** The tracer for a handler: the default one, or one of its own where it has options. Also makes the default one OpenTracing's global tracer. */
export function tracerFor(options: TracerOptions): Tracer {
  initGlobalTracer(tracer)
  if (Object.keys(options).length === 0) return tracer
  return new Tracer(() => environmentSetup(options))
}

/** Delivers what has finished outside invocations, or so far within one. Waits at most for the exporter's bound; never rejects. */
export function flush(): Promise<void> {
  return tracer.flush()
}
