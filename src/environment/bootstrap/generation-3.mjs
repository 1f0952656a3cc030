// The life of aws-lambda-ric 3, Node 22: callbacks, context.done, and a response when the event loop has run empty.
import { answer, answerInitError, next, openConnection } from "./client.mjs"
import { patchConsole } from "./console.mjs"
import { fromEnvironment, fromHeaders, publishTrace } from "./context.mjs"
import { errorsOf, reported, xrayHeader } from "./errors.mjs"
import { loadHandler3 } from "./load-handler.mjs"
import { hidden, openResponse, streamingGlobals, streamingOf } from "./stream.mjs"

const errors = errorsOf(3)
// These three symbols are how other code in the process reaches the runtime's state.
const requestIdKey = Symbol.for("aws.lambda.runtime.requestId")
const tenantIdKey = Symbol.for("aws.lambda.runtime.tenantId")
const beforeExitKey = Symbol.for("aws.lambda.beforeExit")
const nothing = () => {}
/** Handlers are called as a method, and may look at `this`. */
const runtime = new (class Runtime {})()
let streaming
let logError
/** What becomes of an error that nobody caught, and then of the process. */
let onUncaught = postInitError

export async function start() {
  logError = patchConsole(3, () => ({ requestId: globalThis[requestIdKey], tenantId: globalThis[tenantIdKey] }))
  process.on("uncaughtException", (error) => {
    logError("Uncaught Exception", error)
    onUncaught(error, 129)
  })
  process.on("unhandledRejection", (reason, promise) => {
    const error = Object.assign(new errors.UnhandledPromiseRejection(reason), { reason, promise })
    logError("Unhandled Promise Rejection", error)
    onUncaught(error, 128)
  })
  globalThis[beforeExitKey] = nothing
  process.on("beforeExit", () => globalThis[beforeExitKey]())

  if (!hidden) globalThis.awslambda = { ...streamingGlobals }
  runtime.handler = await loadHandler3(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER, errors)
  streaming = streamingOf(runtime.handler, errors)
  openConnection()
  scheduleNext()
}

function scheduleNext() {
  setImmediate(() => {
    invokeOnce().catch((error) => {
      console.log(`Unexpected Top Level Error: ${error.toString()}`)
      onUncaught(error, 129)
    })
  })
}

async function invokeOnce() {
  const { text, headers } = await next()
  const id = headers["lambda-runtime-aws-request-id"]
  globalThis[requestIdKey] = id
  globalThis[tenantIdKey] = headers["lambda-runtime-aws-tenant-id"]
  onUncaught = (error, exitCode) => postError(id, error, () => process.exit(exitCode))
  if (streaming.streaming) await stream(id, text, headers)
  else buffered(id, text, headers)
}

function buffered(id, text, headers) {
  const invocation = trackCompletion(id)
  const { context, callback } = invocation
  try {
    globalThis[beforeExitKey] = invocation.runOut
    publishTrace(headers)
    const result = runtime.handler(JSON.parse(text), Object.assign(context, fromEnvironment(3), fromHeaders(headers, 3)), callback)
    if (result && typeof result.then === "function") result.then(context.succeed, context.fail).catch(context.fail)
  } catch (error) {
    callback(error)
  }
}

/** The four ways to answer (callback, succeed, fail, done), of which only the first counts, and the answer of an empty loop. */
function trackCompletion(id) {
  let waits = true
  let completed = false
  let answered = false

  function complete(result) {
    if (completed) {
      console.error("Invocation has already been reported as done. Cannot call complete more than once per invocation.")
      return
    }
    completed = true
    postResult(id, result, scheduleNext)
  }
  function reject(error) {
    logError("Invoke Error", error)
    postError(id, error, scheduleNext)
  }
  function done(error, result) {
    globalThis[beforeExitKey] = nothing
    if (isGiven(error)) reject(error)
    else complete(result)
  }
  function callback(error, result) {
    globalThis[beforeExitKey] = nothing
    if (isGiven(error)) reject(error)
    else if (!waits) complete(result)
    else globalThis[beforeExitKey] = () => setImmediate(() => complete(result))
  }
  // Marked afterwards: when answering throws (a result that is not JSON), the way is still free for the error.
  const once =
    (answering) =>
    (...args) => {
      if (answered) return
      answering(...args)
      answered = true
    }

  const context = {
    get callbackWaitsForEmptyEventLoop() {
      return waits
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waits = value
    },
    succeed: once((result) => done(null, result)),
    fail: once((error) => (isGiven(error) ? done(error, null) : done("handled"))),
    done: once(done),
  }
  function runOut() {
    completed = true
    postResult(id, null, scheduleNext)
  }
  return { context, callback: once(callback), runOut }
}

async function stream(id, text, headers) {
  const response = openResponse(id, streaming.highWaterMark, 3, errors)
  let waits = true
  const context = {
    get callbackWaitsForEmptyEventLoop() {
      return waits
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waits = value
    },
  }
  function whenDone() {
    globalThis[beforeExitKey] = nothing
    if (waits) globalThis[beforeExitKey] = () => setImmediate(scheduleNext)
    else scheduleNext()
  }
  function fail(error) {
    logError("Invoke Error", error)
    response.fail(error, whenDone)
  }
  try {
    globalThis[beforeExitKey] = scheduleNext
    publishTrace(headers)
    Object.assign(context, fromEnvironment(3), fromHeaders(headers, 3))
    const result = runtime.handler(JSON.parse(text), response.stream, context)
    if (!result || typeof result.then !== "function") return fail("Streaming does not support non-async handlers.")
    if ((await result) !== undefined) console.warn("Streaming handlers ignore return values.")
    await response.done
    if (response.stream.writableFinished) whenDone()
    else fail("Response stream is not finished.")
  } catch (error) {
    fail(error)
  }
}

function postResult(id, result, then) {
  answer(id, "response", toJson(result), {}, then)
}

function postError(id, error, then) {
  answer(id, "error", toJson(reported(error, 3)), xrayHeader(error, 3), then)
}

function postInitError(error, exitCode) {
  const body = reported(error, 3)
  answerInitError(toJson(body), body.errorType, () => process.exit(exitCode))
}

function toJson(value) {
  try {
    return JSON.stringify(value === undefined ? null : value)
  } catch {
    throw new Error("Unable to stringify response body")
  }
}

function isGiven(error) {
  return error !== undefined && error !== null
}
