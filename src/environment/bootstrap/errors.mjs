// How errors look on the wire and in the log. The two generations differ in small ways, which callers pass in.
const types = process.getBuiltinModule("node:util").types

/** An error class of the runtime. In generation 3 the name is on the prototype, so the stack shows it; in 4 on the instance. */
function named(className, generation) {
  const name = `Runtime.${className}`
  // The constructor's name shows in JSON logs.
  const shown =
    generation === 4 && ["HandlerNotFound", "MalformedHandlerName", "CallbackHandlerDeprecated"].includes(className)
      ? `${className}Error`
      : className
  const made = {
    [shown]: class extends Error {
      constructor(message) {
        super(message)
        if (generation === 4) this.name = name
      }
    },
  }[shown]
  if (generation === 3) made.prototype.name = name
  return made
}

export function errorsOf(generation) {
  const names = [
    "ImportModuleError",
    "HandlerNotFound",
    "MalformedHandlerName",
    "UserCodeSyntaxError",
    "MalformedStreamingHandler",
    "InvalidStreamingOperation",
  ]
  const more = ["JSONStringifyError", "PlatformError", "CallbackHandlerDeprecated", "UnhandledPromiseRejection"]
  return Object.fromEntries([...names, ...more].map((name) => [name, named(name, generation)]))
}

const unreadable =
  "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack"
const clean = (text) => text?.replaceAll("\x7f", "%7F")

/** The body of an error response. */
export function reported(error, generation) {
  try {
    if (generation === 3) {
      const looksLikeError = error && [error.name, error.message, error.stack].every((part) => part && typeof part === "string")
      if (!types.isNativeError(error) && !looksLikeError) return { errorType: typeof error, errorMessage: error.toString(), trace: [] }
      return { errorType: clean(error.name), errorMessage: clean(error.message), trace: error.stack.replaceAll("\x7f", "%7F").split("\n") }
    }
    if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] }
    return { errorType: clean(error.name), errorMessage: clean(error.message), trace: clean(error.stack)?.split("\n") || [] }
  } catch {
    return { errorType: "handled", errorMessage: unreadable, ...(generation === 4 ? { trace: [] } : {}) }
  }
}

/** The header with the stack for X-Ray; none for what is not an error. */
export function xrayHeader(error, generation) {
  const cause = xrayCause(error, generation)
  return cause ? { "lambda-runtime-function-xray-error-cause": cause } : {}
}

function xrayCause(error, generation) {
  try {
    const stack = error.stack
      ? clean(error.stack)
          .split("\n")
          .slice(1)
          .map((line) => frameOf(line, generation))
      : []
    const exceptions = [{ type: clean(error.name), message: clean(error.message), stack }]
    return JSON.stringify({ working_directory: process.cwd(), exceptions, paths: [...new Set(stack.map(({ path }) => path))] })
  } catch {
    return ""
  }
}

function frameOf(line, generation) {
  const bare = line.trim().replace(/[()]/g, "")
  const gap = bare.search(generation === 3 ? / / : /\s/)
  // `at name file:line:column`, the first word dropped.
  const frame = bare.slice(gap + 1)
  const last = frame.lastIndexOf(" ")
  const label = last >= 0 ? frame.slice(0, last) : "anonymous"
  const [path, number] = (last >= 0 && (label || generation === 4) ? frame.slice(last + 1) : frame).split(":")
  return { path, line: Number.parseInt(number, 10), label: label || (generation === 3 ? "anonymous" : label) }
}

/** The line that the runtime itself writes to the log for an error. */
export function logged(error, generation) {
  const proper = error instanceof Error ? error : new Error(generation === 4 ? String(error) : error)
  try {
    return `\t${JSON.stringify(proper, (_key, value) => (value instanceof Error ? visible(value) : value))}`
  } catch {
    return `\t${JSON.stringify(reported(proper, generation))}`
  }
}

function visible(error) {
  const { name: errorType, message: errorMessage, code, stack } = error
  return { errorType, errorMessage, code, ...error, ...(typeof stack === "string" ? { stack: stack.split("\n") } : {}) }
}
