import { initGlobalTracer } from "opentracing/lib/global_tracer.js"
import { Tracer } from "../../core/tracer.ts"
import { lambdaResource } from "../lambda/resource.ts"
import { type Config, readConfig } from "./config.ts"
import { watchAll } from "./integrations.ts"
import { type TracerOptions, tracerSetup } from "./node-tracer.ts"
import { processState } from "./process-state.ts"

let known: Config | undefined

/** The environment's configuration, read when it is first needed. */
export function config(): Config {
  known ??= readConfig(process.env, processState.report)
  return known
}

/** The tracer of this process, configured by the environment at its first use. All copies of this package have the same one. */
export const tracer: Tracer = (processState.tracer ??= new Tracer(() => {
  watchAll()
  return tracerSetup({}, config(), lambdaResource(process.env))
}))

/** The tracer for a handler: the default one, or one of its own where it has options. Also makes the default one OpenTracing's global tracer. */
export function tracerFor(options: TracerOptions): Tracer {
  initGlobalTracer(tracer)
  return Object.keys(options).length === 0 ? tracer : new Tracer(tracerSetup(options, config(), lambdaResource(process.env)))
}

/** Delivers what has finished outside invocations, or so far within one. Waits at most for the exporter's bound; never rejects. */
export function flush(): Promise<void> {
  return tracer.flush()
}
