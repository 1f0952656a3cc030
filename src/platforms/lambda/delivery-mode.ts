import { TracingError } from "../../core/errors.ts"
import { processState } from "../node/process-state.ts"

/**
 * When the spans of an invocation go out: after its response and before its freeze; under frequent invocations together,
 * beside a later invocation; or before its response, where nothing may hold the freeze.
 */
export type DeliveryMode = "after" | "adaptive" | "before"

/** The option, else `ANTIFREEZE_DELIVERY`. Throws `ERR_CONFIG` for an option that is none; a wrong variable is one line of log. */
export function deliveryMode(option?: DeliveryMode): DeliveryMode {
  const value: string = option ?? (process.env["ANTIFREEZE_DELIVERY"] || "after")
  if (/^(after|adaptive|before)$/.test(value)) return value as DeliveryMode
  const wrong = `delivery is ${JSON.stringify(value)}. Give after, adaptive or before.`
  if (option !== undefined) throw new TracingError("ERR_CONFIG", wrong)
  processState.report("config", `ANTIFREEZE_DELIVERY: ${wrong}`)
  return "after"
}
