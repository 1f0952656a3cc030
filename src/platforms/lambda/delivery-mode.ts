import { wrongValue } from "../node/options.ts"
import { processState } from "../node/process-state.ts"

/**
 * When the spans of an invocation go out: after its response and before its freeze; under frequent invocations together,
 * beside a later invocation; or before its response, where nothing may hold the freeze.
 */
export type DeliveryMode = "after" | "adaptive" | "before"

/** The option, else `ANTIFREEZE_DELIVERY`. A wrong value is one line of log. */
export function deliveryMode(option?: DeliveryMode): DeliveryMode {
  const value: string = option ?? (process.env["ANTIFREEZE_DELIVERY"] || "after")
  if (/^(after|adaptive|before)$/.test(String(value))) return value as DeliveryMode
  const name = option === undefined ? "ANTIFREEZE_DELIVERY" : "delivery"
  processState.report("config", wrongValue(name, value, "Give after, adaptive or before."))
  return "after"
}
