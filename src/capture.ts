export type { Capture } from "./core/contracts.ts"
export { type CaptureOptions, capture } from "./platforms/node/capture.ts"
