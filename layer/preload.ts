// For NODE_OPTIONS="--require /opt/nodejs/node_modules/antifreeze/preload.cjs" (or --import): does what the exec wrapper does, where
// there is none. Processes that the function starts inherit NODE_OPTIONS, and are left alone: their _HANDLER is not looked at.
const { env } = process
const handler = env["_HANDLER"]
if (handler !== undefined && env["_ANTIFREEZE_HANDLER"] === undefined && env["AWS_LAMBDA_RUNTIME_API"] !== undefined && isRuntime()) {
  const last = handler.slice(handler.lastIndexOf("/") + 1)
  if (!handler.includes("..") && last.includes(".")) {
    env["_ANTIFREEZE_HANDLER"] = handler
    env["_HANDLER"] = `${__dirname}/handler.handler`
  }
}

function isRuntime(): boolean {
  return /^\/var\/runtime\/|[\\/]aws-lambda-ric(?:[\\/]|$)|[\\/]bootstrap[\\/]/.test(process.argv[1] ?? "")
}
