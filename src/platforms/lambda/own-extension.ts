import { processState } from "../node/process-state.ts"
import { startExtension } from "./extension.ts"
import { neverFreezes } from "./managed-instances.ts"

/**
 * Registers this process's extension, once, if this is a Lambda runtime that freezes. Not in forks and worker threads,
 * which inherit the environment variables but never ask for an event: they would hold every invocation until its timeout.
 * Gives what waits for Lambda's answer.
 */
export function ownExtension(): (() => void) | undefined {
  if (processState.extension !== undefined) return undefined
  const api = process.env["AWS_LAMBDA_RUNTIME_API"]
  processState.extension =
    api === undefined || neverFreezes() || !isRuntimeProcess()
      ? null
      : startExtension({ api, name: "antifreeze", report: processState.report })
  return processState.extension?.registered
}

/** The runtime puts `awslambda` into its own global scope; with AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA only its file gives it away. */
function isRuntimeProcess(): boolean {
  if ((globalThis as { awslambda?: unknown }).awslambda !== undefined) return true
  return /^\/var\/runtime\/|[\\/]aws-lambda-ric(?:[\\/]|$)/.test(process.argv[1] ?? "")
}
