// For NODE_OPTIONS="--require /opt/nodejs/node_modules/antifreeze/preload.cjs" (or --import): does what the exec wrapper does, where
// there is none. Processes that the function starts inherit NODE_OPTIONS, and are left alone. Behind the Lambda Web Adapter one of them
// is the server.
import { traceServer } from "./server.ts"

const { env, argv } = process
const [, script = "", argument] = argv
if (env["AWS_LAMBDA_RUNTIME_API"] !== undefined) {
  if (/^\/var\/runtime\/|[\\/]aws-lambda-ric(?:[\\/]|$)|[\\/]bootstrap[\\/]/.test(script)) redirect()
  // A package manager that starts the server must not pass for it.
  else if (!/[\\/](?:npm|npx|yarn|pnpm|corepack)[^\\/]*$/.test(script)) traceServer(__dirname)
}

function redirect(): void {
  // In an image Lambda leaves the variable empty, and aws-lambda-ric 3 takes the name from its arguments.
  const handler = env["_HANDLER"] || argument
  if (handler === undefined || env["_ANTIFREEZE_HANDLER"] !== undefined || handler.includes("..")) return
  if (!handler.slice(handler.lastIndexOf("/") + 1).includes(".")) return
  env["_ANTIFREEZE_HANDLER"] = handler
  env["_HANDLER"] = `${__dirname}/handler.handler`
  if (argument === handler) argv[2] = env["_HANDLER"]
}
