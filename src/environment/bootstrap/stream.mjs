// Response streaming: the writable that a streaming handler gets, and globalThis.awslambda.
import { openStream } from "./client.mjs"
import { reported } from "./errors.mjs"

const streamingMark = Symbol.for("aws.lambda.runtime.handler.streaming")
const highWaterMarkMark = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark")
const errorTypeTrailer = "Lambda-Runtime-Function-Error-Type"
const errorBodyTrailer = "Lambda-Runtime-Function-Error-Body"

export const hidden = ["1", "true"].includes(process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)

/** What `awslambda` offers for streaming. */
export const streamingGlobals = {
  streamifyResponse(handler, options) {
    handler[streamingMark] = "response"
    if (typeof options?.highWaterMark === "number") handler[highWaterMarkMark] = Math.trunc(options.highWaterMark)
    return handler
  },
  // biome-ignore lint/complexity/noStaticOnlyClass: a class on Lambda too
  HttpResponseStream: class HttpResponseStream {
    static from(stream, prelude) {
      stream.setContentType("application/vnd.awslambda.http-integration-response")
      const head = JSON.stringify(prelude)
      // Lambda's function URLs split the response at eight zero bytes.
      stream._onBeforeFirstWrite = (write) => {
        write(head)
        write(new Uint8Array(8))
      }
      return stream
    }
  },
}

export function streamingOf(handler, errors) {
  const mark = handler[streamingMark]
  if (!mark) return { streaming: false }
  if (mark !== "response") throw new errors.MalformedStreamingHandler("Only response streaming is supported.")
  const highWaterMark = Number.parseInt(handler[highWaterMarkMark], 10)
  return { streaming: true, highWaterMark: Number.isNaN(highWaterMark) ? undefined : highWaterMark }
}

/** Opens the response: `stream` for the handler, `done` when the Runtime API has answered, `fail` to end with an error in the trailers. */
export function openResponse(id, highWaterMark, generation, errors) {
  const headers = {
    "Lambda-Runtime-Function-Response-Mode": "streaming",
    Trailer: [errorTypeTrailer, errorBodyTrailer],
    "Content-Type": "application/octet-stream",
    ...(generation === 4 ? { "Transfer-Encoding": "chunked" } : {}),
  }
  let request
  const done = new Promise((resolve, reject) => {
    request = openStream(id, headers, highWaterMark, (response) => {
      response.resume()
      response.on("aborted", reject)
      response.on("end", resolve)
    })
    request.on("error", reject)
  })

  let written = false
  const write = request.write.bind(request)
  request.setContentType = (contentType) => {
    if (written) throw new errors.InvalidStreamingOperation("Cannot set content-type, too late.")
    request.setHeader("Content-Type", contentType)
  }
  request.write = (chunk, encoding, callback) => {
    const bytes =
      typeof chunk === "string" ||
      Buffer.isBuffer(chunk) ||
      (generation === 3 ? chunk?.constructor === Uint8Array : chunk instanceof Uint8Array)
    if (!written) request._onBeforeFirstWrite?.((head) => write(head))
    const result = write(bytes ? chunk : JSON.stringify(chunk), encoding, callback)
    written = true
    return result
  }
  if (generation === 3) {
    // There `end` hands on its first argument only.
    const end = request.end.bind(request)
    request.end = (first) => void end(first)
  }

  function fail(error, then) {
    const body = reported(error, generation)
    request.addTrailers({ [errorTypeTrailer]: body.errorType, [errorBodyTrailer]: Buffer.from(JSON.stringify(body)).toString("base64") })
    request.end(then)
  }
  return { stream: facade(request, generation), done, fail }
}

/** Handlers do not get the request itself, only what a writable stream has. */
function facade(request, generation) {
  const own = ["cork", "destroy", "end", "uncork", "write", "setContentType"]
  const emitter = ["addListener", "on", "once", "prependListener", "prependOnceListener", "off", "removeListener", "removeAllListeners"]
  const more = ["setMaxListeners", "getMaxListeners", "listeners", "rawListeners", "listenerCount", "eventNames", "emit"]
  const stream = {}
  for (const name of [...own, ...emitter, ...more]) stream[name] = request[name].bind(request)
  const settable = ["destroyed", "_onBeforeFirstWrite", ...(generation === 3 ? ["writable"] : [])]
  const readable = ["Finished", "ObjectMode", "Ended", "NeedDrain", "HighWaterMark", "Corked", "Length"].map((part) => `writable${part}`)
  for (const name of [...settable, ...readable, generation === 3 ? "writableBuffer" : "writable"]) {
    const set = settable.includes(name) ? { set: (value) => void (request[name] = value) } : {}
    Object.defineProperty(stream, name, { get: () => request[name], ...set })
  }
  return stream
}
