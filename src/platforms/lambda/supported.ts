import { processState } from "../node/process-state.ts"

/** Node 22.15 is the first with all diagnostics channels that the integrations need. */
const FLOOR = [22, 15] as const

/** Whether this Node can be traced; where not, says so once. */
export function isSupported(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  if (major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1])) return true
  processState.report("unsupported", `Node ${process.versions.node} is older than ${FLOOR.join(".")}: the function runs untraced.`)
  return false
}

/** aws-lambda-ric 3 leaves a mark behind before it loads the handler; 4 refuses a third parameter, unless the handler streams. */
export function takesCallbacks(): boolean {
  return process.env["AWS_LAMBDA_RUNTIME_API"] === undefined || Symbol.for("aws.lambda.beforeExit") in globalThis
}
