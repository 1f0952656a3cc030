// For NODE_OPTIONS="--require /opt/nodejs/node_modules/antifreeze/preload.cjs" (or --import): does what the exec wrapper does, where
// there is none. Processes that the function starts inherit NODE_OPTIONS, and are left alone, unless one of them is the server behind
// the Lambda Web Adapter: for that the exec wrapper sets NODE_OPTIONS.
import { traceServer } from "./server.ts"

const { env } = process
const { _HANDLER: handler } = env
if (env["AWS_LAMBDA_RUNTIME_API"] !== undefined) {
  if (isRuntime()) redirect()
  else if (isBehindAdapter()) traceServer(__dirname)
}

function redirect(): void {
  if (handler === undefined || env["_ANTIFREEZE_HANDLER"] !== undefined || handler.includes("..")) return
  if (!handler.slice(handler.lastIndexOf("/") + 1).includes(".")) return
  env["_ANTIFREEZE_HANDLER"] = handler
  env["_HANDLER"] = `${__dirname}/handler.handler`
}

function isRuntime(): boolean {
  return /^\/var\/runtime\/|[\\/]aws-lambda-ric(?:[\\/]|$)|[\\/]bootstrap[\\/]/.test(process.argv[1] ?? "")
}

/** In a zip the handler is a script, which the adapter's wrapper starts; in an image there is the adapter's own file. */
function isBehindAdapter(): boolean {
  // A package manager that starts the server must not pass for it.
  if (/[\\/](?:npm|npx|yarn|pnpm|corepack)[^\\/]*$/.test(process.argv[1] ?? "")) return false
  if (handler?.endsWith(".sh") || env["ANTIFREEZE_NEXT_WRAPPER"]?.endsWith("/bootstrap")) return true
  return process.getBuiltinModule?.("node:fs").existsSync(`${__dirname}/../../../extensions/lambda-adapter`)
}
