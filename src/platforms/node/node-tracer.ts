import { Tracer } from "../../core/tracer.ts"
import { checkOptions, type TracerOptions } from "./options.ts"
import { tracerSetup } from "./tracer-setup.ts"

/**
 * A fresh OpenTracing tracer. It exports nothing unless told where, by `endpoint` or `exporter`.
 *
 * @throws {TracingError} `ERR_CONFIG` when an option has a wrong value.
 */
export function createTracer(options: TracerOptions = {}): Tracer {
  checkOptions(options)
  return new Tracer(() => tracerSetup(options))
}
