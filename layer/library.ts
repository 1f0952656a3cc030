// What every cold start loads. Functions import it as "antifreeze".
import * as globalTracer from "opentracing/lib/global_tracer.js"
import * as noop from "opentracing/lib/noop.js"
import * as span from "opentracing/lib/span.js"
import * as spanContext from "opentracing/lib/span_context.js"
import * as tracer from "opentracing/lib/tracer.js"

export * from "../src/index.ts"
export { prepare, reportInitError, traceLoaded } from "../src/platforms/lambda/layer.ts"

/**
 * A function that brings its own copy of opentracing gets these modules in it: one process has one set of classes and one global
 * tracer. A copy inside the function's bundle is out of reach; there `tracer` is to be imported from "antifreeze".
 */
export function shareOpenTracing(folder: string): void {
  const { existsSync } = process.getBuiltinModule("node:fs")
  if (!existsSync(`${folder}span.js`)) return
  const { Module } = process.getBuiltinModule("node:module")
  const { cache } = Module.createRequire(folder)
  for (const [name, exports] of Object.entries(opentracing)) {
    const file = `${folder}${name}.js`
    cache[file] ??= Object.assign(new Module(file), { filename: file, exports, loaded: true })
  }
}

/** The modules of opentracing that are in here; the layer's opentracing has no second copy of them. */
export const opentracing: Record<string, unknown> = { global_tracer: globalTracer, noop, span, span_context: spanContext, tracer }
