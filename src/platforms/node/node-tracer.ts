import { Tracer } from "../../core/tracer.ts"
import type { TracerOptions } from "./options.ts"
import { tracerSetup } from "./tracer-setup.ts"

/** A fresh OpenTracing tracer. It exports nothing unless told where, by `endpoint` or `exporter`. A wrong value is one line of log. */
export function createTracer(options: TracerOptions = {}): Tracer {
  return new Tracer(() => tracerSetup(options))
}
