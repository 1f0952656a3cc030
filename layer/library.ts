// All code of the layer but its handler, in one file: what functions import as "antifreeze" and "opentracing" comes from here too.
import * as opentracing from "opentracing"

export * from "../src/index.ts"
export { prepare, reportInitError, traceLoaded } from "../src/platforms/lambda/layer.ts"
export { opentracing }
