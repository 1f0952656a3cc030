// What every cold start loads. Functions import it as "antifreeze".
import * as globalTracer from "opentracing/lib/global_tracer.js"
import * as noop from "opentracing/lib/noop.js"
import * as span from "opentracing/lib/span.js"
import * as spanContext from "opentracing/lib/span_context.js"
import * as tracer from "opentracing/lib/tracer.js"

import { prepare } from "../src/platforms/lambda/layer.ts"
import { hookLoads, type Traced } from "../src/platforms/node/hook-loads.ts"
import { processState } from "../src/platforms/node/process-state.ts"
import { VERSION } from "../src/version.ts"
import type * as More from "./more.ts"
import { provide } from "./provide.ts"

export * from "../src/index.ts"
export { joinAsServer, reportInitError, traceLoaded } from "../src/platforms/lambda/layer.ts"
export { watchEvent } from "./passing-event.ts"
export { processState }

/** Before the function's code, so that its calls are seen from the first one on, and its imports find us. */
export function begin(): void {
  const { Module } = process.getBuiltinModule("node:module")
  const { fileURLToPath, pathToFileURL } = process.getBuiltinModule("node:url")
  const load = Module.createRequire(__filename)
  prepare()
  const more = findMore(load)
  hookLoads(
    (name) => (load("./libraries.cjs") as Record<string, Traced>)[name] ?? more()?.tracedOf(name),
    () => more()?.FILES,
  )
  provide(new URL("../", pathToFileURL(__filename)), (folder) => shareOpenTracing(fileURLToPath(folder)))
}

const CAPTURES = /^(?:ANTIFREEZE_CAPTURE$|OTEL_INSTRUMENTATION_HTTP_(?:SERVER|CLIENT)_CAPTURE_)/

/** The layer's other zip, where it is attached too: loaded with the first file of a library, or at once where a capture is asked for. */
function findMore(load: NodeJS.Require): () => typeof More | undefined {
  if (!process.getBuiltinModule("node:fs").existsSync(`${__dirname}/more.cjs`)) return () => undefined
  let found: typeof More | null | undefined
  const more = () => {
    if (found !== undefined) return found ?? undefined
    // Its own file passes through the hook, too.
    found = null
    const other = load("./more.cjs") as typeof More
    if (other.VERSION === VERSION) found = other
    else processState.report("config", `layer-more.zip is of version ${other.VERSION}, the layer of ${VERSION}: it is left out.`)
    return found ?? undefined
  }
  if (Object.keys(process.env).some((name) => CAPTURES.test(name))) more()?.capture()
  return more
}

/**
 * A function that brings its own copy of opentracing gets these modules in it: one process has one set of classes and one global
 * tracer. A copy inside the function's bundle is out of reach; there `tracer` is to be imported from "antifreeze".
 */
function shareOpenTracing(folder: string): void {
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
