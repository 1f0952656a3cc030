import type { Invocation, Runtime } from "../../src/environment/contracts.ts"

/**
 * What a runtime sent for one invocation, without what cannot be the same: the runtime's own stack frames and paths, and times.
 * Everything else is compared byte by byte.
 */
export function normal(invocation: Invocation, runtime: Runtime): unknown {
  const own = runtime.bootstrap.map((path) => path.replace(/\/[^/]*\.mjs$/, "")).filter((path) => path.startsWith("/"))
  const { payload, headers, functionError, reset, streaming, logs } = invocation
  const wanted = [
    "content-type",
    "lambda-runtime-function-error-type",
    "lambda-runtime-function-response-mode",
    "trailer",
    "transfer-encoding",
    "content-length",
  ]
  const kept = Object.entries(headers).filter(([name]) => wanted.includes(name) && (streaming || name !== "content-length"))
  const cause = headers["lambda-runtime-function-xray-error-cause"]
  const body = headers["lambda-runtime-function-error-body"]
  return {
    payload: withoutFrames(payload.toString(), own),
    headers: Object.fromEntries(kept),
    cause: cause && withoutXrayFrames(cause),
    body: body && withoutFrames(Buffer.from(body, "base64").toString(), own),
    functionError,
    reset,
    streaming,
    // The native client of AWS complains in lines of its own when the Runtime API refuses a response.
    logs: withoutFrames(logs.replace(/\[ERROR\] \[\d+\] LAMBDA_RUNTIME .*\n/g, "").replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>"), own),
  }
}

function withoutFrames(text: string, own: string[]): string {
  let rest = text
  // In JSON a frame is an element of an array, in a crash report a line.
  const isOwn = (frame: string): boolean =>
    own.some((path) => frame.includes(path)) || /\(?node:internal|at native|processTicksAndRejections/.test(frame)
  rest = rest.replace(/,"[ ]{4}at [^"]*"/g, (frame) => (isOwn(frame) ? "" : frame))
  rest = rest.replace(/(\n|\r|\\n|\\r)[ ]{4,}at [^\n\r\\]*/g, (frame) => (isOwn(frame) ? "" : frame))
  for (const path of own) rest = rest.replaceAll(new RegExp(`(file://)?${path}[^\\s"'\\\\),]*`, "g"), "<runtime>")
  // The excerpt that Node prints above an uncaught error shows a line of the runtime.
  return rest.replace(/<runtime>\n[^\n]*\n *\^+\n/g, "<excerpt>\n").replace(/node:internal\/[^\n]*\n[^\n]*\n *\^+\n/g, "<excerpt>\n")
}

function withoutXrayFrames(cause: string): unknown {
  const { working_directory, exceptions, paths } = JSON.parse(cause) as {
    working_directory: string
    exceptions: { stack: { path: string }[] }[]
    paths: string[]
  }
  const foreign = (path: string): boolean => path !== "file" && path !== "node"
  return {
    working_directory,
    exceptions: exceptions.map((exception) => ({ ...exception, stack: exception.stack.filter(({ path }) => foreign(path)) })),
    paths: paths.filter(foreign),
  }
}
