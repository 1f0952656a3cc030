export type { AnyHandler } from "./platforms/lambda/with-tracing.ts"
export { withTracing } from "./platforms/lambda/with-tracing.ts"
export { flush, tracer } from "./platforms/node/default-tracer.ts"
export { createTracer, type TracerOptions } from "./platforms/node/node-tracer.ts"
