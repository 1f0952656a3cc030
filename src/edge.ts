export { type SmallOptions as EdgeOptions, withTracing } from "./platforms/edge/small/with-tracing.ts"
