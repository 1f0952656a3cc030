// The life of aws-lambda-ric 4, Node 24 and Managed Instances: promises only, and Node's own way with uncaught errors.
import { answer, answerInitError, next, openConnection } from "./client.mjs"
import { patchConsole } from "./console.mjs"
import { fromEnvironment, fromHeaders, publishTrace } from "./context.mjs"
import { errorsOf, reported, xrayHeader } from "./errors.mjs"
import { invokeStore, keys } from "./invoke-store.mjs"
import { loadHandler4 } from "./load-handler.mjs"
import { hidden, openResponse, streamingGlobals, streamingOf } from "./stream.mjs"

const errors = errorsOf(4)
const workers = process.getBuiltinModule("node:worker_threads")
const turn = () => new Promise((resolve) => setImmediate(resolve))
/** Handlers are called as a method, and may look at `this`. */
let runtime
let streaming
let logError
let store

/** `concurrent`: Managed Instances, where worker threads take the invocations, each many at a time. */
export async function start(concurrent, entry) {
  if (concurrent && workers.isMainThread) return startWorkers(entry)
  store = invokeStore(concurrent)
  if (!hidden)
    globalThis.awslambda = { ...globalThis.awslambda, InvokeStore: globalThis.awslambda?.InvokeStore ?? store, ...streamingGlobals }
  logError = patchConsole(4, () => ({ requestId: store.getRequestId(), tenantId: store.getTenantId() }), concurrent)
  try {
    const handler = await loadHandler4(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER, errors)
    streaming = streamingOf(handler, errors)
    runtime = Object.assign(streaming.streaming ? new (class StreamingInvokeProcessor {})() : new (class BufferedInvokeProcessor {})(), {
      handler,
    })
    if (handler.length >= 3 && !streaming.streaming) throw new errors.CallbackHandlerDeprecated(callbackMessage())
  } catch (error) {
    logError("Init Error", error)
    await new Promise((resolve) => {
      const body = reported(error, 4)
      answerInitError(toJson(body), body.errorType, resolve)
    })
    throw error
  }
  openConnection()
  for (;;) {
    const { text, headers } = await next()
    const context = { ...fromHeaders(headers, 4, errors), ...fromEnvironment(4) }
    if (!concurrent) publishTrace(headers)
    const event = JSON.parse(text)
    const run = () =>
      store.run({ [keys.REQUEST_ID]: context.awsRequestId, [keys.X_RAY_TRACE_ID]: context.xRayTraceId }, () => invoke(event, context))
    if (concurrent) setImmediate(run)
    else await run()
  }
}

function invoke(event, context) {
  return streaming.streaming ? stream(event, context) : buffered(event, context)
}

async function buffered(event, context) {
  const id = context.awsRequestId
  try {
    const result = await runtime.handler(event, context)
    await turn()
    const body = toJson(result)
    await new Promise((resolve) => answer(id, "response", body, {}, resolve))
  } catch (error) {
    await turn()
    logError("Invoke Error", error)
    const body = toJson(reported(error, 4))
    await new Promise((resolve) => answer(id, "error", body, xrayHeader(error, 4), resolve))
  }
}

async function stream(event, context) {
  const response = openResponse(context.awsRequestId, streaming.highWaterMark, 4, errors)
  try {
    const result = runtime.handler(event, response.stream, context)
    if (typeof result?.then !== "function") throw new Error("Streaming does not support non-async handlers.")
    if ((await result) !== undefined) console.warn("Streaming handlers ignore return values.")
    await response.done
    if (!response.stream.writableFinished) throw new Error("Response stream is not finished.")
  } catch (error) {
    await turn()
    logError("Invoke Error", error)
    // Not awaited, as there: the next event is asked for at once.
    response.fail(error)
  }
}

function startWorkers(entry) {
  const os = process.getBuiltinModule("node:os")
  const count = Number.parseInt(process.env.AWS_LAMBDA_NODEJS_WORKER_COUNT, 10) || 8 * os.availableParallelism()
  const execArgv = process.execArgv.filter(
    (flag) => !/^--(expose-gc|max-semi-space-size|max-old-space-size|max-http-header-size)/.test(flag),
  )
  for (let started = 0; started < count; started++) {
    new workers.Worker(new URL(entry), { env: process.env, execArgv }).on("error", (error) =>
      console.error(`Worker ${started} error:`, error),
    )
  }
}

function toJson(value) {
  try {
    return JSON.stringify(value === undefined ? null : value)
  } catch {
    throw new errors.JSONStringifyError("Unable to stringify response body")
  }
}

function callbackMessage() {
  const old = process.env.AWS_EXECUTION_ENV === "AWS_Lambda_nodejs22.x"
  const what = old
    ? "does not support callback-based function handlers when using Node.js 22 with Managed Instances"
    : "has removed support for callback-based function handlers starting with Node.js 24"
  const remedy = old
    ? "To use Managed Instances, modify this function to use a supported handler signature"
    : "You need to modify this function to use a supported handler signature to use Node.js 24 or later"
  return `ERROR: AWS Lambda ${what}. ${remedy}. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.`
}
