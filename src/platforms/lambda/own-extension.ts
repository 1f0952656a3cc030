import { processState } from "../node/process-state.ts"
import { type DeliveryMode, deliveryMode } from "./delivery-mode.ts"
import { type Extension, startExtension } from "./extension.ts"
import { neverFreezes } from "./managed-instances.ts"

/**
 * Registers this process's extension, once, if this is a Lambda runtime that freezes. Not in forks and worker threads,
 * which inherit the environment variables but never ask for an event: they would hold every invocation until its timeout.
 * Gives what waits for Lambda's answer.
 */
export function ownExtension(mode: DeliveryMode = deliveryMode()): (() => void) | undefined {
  const { extension, report } = processState
  if (extension !== undefined && (extension !== NONE || mode === "before")) return undefined
  const api = process.env["AWS_LAMBDA_RUNTIME_API"]
  if (api === undefined || neverFreezes() || !isRuntimeProcess()) processState.extension = null
  else processState.extension = mode === "before" ? NONE : startExtension({ api, name: "antifreeze", report })
  return processState.extension?.registered
}

/** Where nothing may hold the freeze: nothing is registered. */
const NONE: Extension = { claim: () => false, release() {}, registered() {} }

/** The runtime puts `awslambda` into its own global scope; with AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA only its file gives it away. */
function isRuntimeProcess(): boolean {
  if ((globalThis as { awslambda?: unknown }).awslambda !== undefined) return true
  return /^\/var\/runtime\/|[\\/]aws-lambda-ric(?:[\\/]|$)/.test(process.argv[1] ?? "")
}
