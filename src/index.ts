export type { SpanContext } from "./core/context.ts"
export type {
  Clock,
  Delivery,
  Description,
  Exporter,
  IdSource,
  Integration,
  Limits,
  Operation,
  Propagator,
  SpanRecord,
  Tags,
  TagValue,
  Trace,
} from "./core/contracts.ts"
export type { Scope, ScopeManager } from "./core/scope.ts"
export type { Span } from "./core/span.ts"
export type { Tracer } from "./core/tracer.ts"
export type { DeliveryMode } from "./platforms/lambda/delivery-mode.ts"
export type { AnyHandler, HandlerOptions } from "./platforms/lambda/with-tracing.ts"
export { withTracing } from "./platforms/lambda/with-tracing.ts"
export { flush, tracer } from "./platforms/node/default-tracer.ts"
export { span, tracedFunction as traced } from "./platforms/node/helpers.ts"
export { createTracer } from "./platforms/node/node-tracer.ts"
export type { PropagatorName, TracerOptions } from "./platforms/node/options.ts"
export type { Hooks } from "./platforms/node/process-state.ts"
