// What every cold start loads. Functions import it as "antifreeze".
import * as globalTracer from "opentracing/lib/global_tracer.js"
import * as noop from "opentracing/lib/noop.js"
import * as span from "opentracing/lib/span.js"
import * as spanContext from "opentracing/lib/span_context.js"
import * as tracer from "opentracing/lib/tracer.js"

export * from "../src/index.ts"
export { prepare, reportInitError, traceLoaded } from "../src/platforms/lambda/layer.ts"

/** The modules of opentracing that are in here; the layer's opentracing has no second copy of them. */
export const opentracing: Record<string, unknown> = { global_tracer: globalTracer, noop, span, span_context: spanContext, tracer }
