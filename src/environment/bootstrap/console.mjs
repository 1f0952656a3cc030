// The console as functions know it on Lambda: one line per call, with time, request id and level, as text or JSON.
import { logged } from "./errors.mjs"

const util = process.getBuiltinModule("node:util")
const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
const json = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON"

/** `identity()` gives the request and tenant id of the moment. Returns how the runtime logs an error of its own. */
export function patchConsole(generation, identity, alwaysJson = false) {
  const least = Math.max(0, levels.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()))
  const format = json || alwaysJson ? jsonLine : textLine
  for (const [rank, level] of levels.entries()) {
    const silent = rank < least && !(generation === 3 && level === "FATAL")
    console[level.toLowerCase()] = silent
      ? () => {}
      : (...args) => {
          process.stdout.write(`${format(level, identity(), args).replaceAll("\n", "\r")}\n`)
        }
  }
  console.log = console.info
  return (what, error) => {
    if (json) console.error(error instanceof Error ? error : new Error(String(error)))
    else console.error(what, logged(error, generation))
  }
}

function textLine(level, { requestId }, args) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(...(args.length ? args : [undefined]))}`
}

function jsonLine(level, { requestId, tenantId }, args) {
  const line = { timestamp: new Date().toISOString(), level, requestId, ...(tenantId ? { tenantId } : {}) }
  if (args.length <= 1) {
    try {
      return JSON.stringify({ ...line, message: args[0] }, (_key, value) =>
        value instanceof Error ? { ...detail(value), ...value } : value,
      )
    } catch {
      return JSON.stringify({ ...line, message: util.format(args[0]) })
    }
  }
  const error = args.find((arg, index) => arg instanceof Error && (index > 0 || process.versions.node.startsWith("22")))
  return JSON.stringify({ ...line, message: util.format(...args), ...(error ? detail(error) : {}) })
}

function detail(error) {
  const stackTrace = typeof error.stack === "string" ? error.stack.split("\n") : error.stack
  return { errorType: error.constructor?.name ?? "UnknownError", errorMessage: error.message, stackTrace }
}
