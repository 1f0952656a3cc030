import type { ClientRequest, IncomingMessage } from "node:http"
import type { ClientHttp2Stream } from "node:http2"
import type { Description, Integration, Operation } from "../core/contracts.ts"
import { awsOperations, awsSettings, beginAttempt } from "./_aws.ts"
import { type AwsCall, awsCallOf, type SignedRequest } from "./_aws-call.ts"
import { describeAws } from "./_aws-facts.ts"
import type { Answer } from "./_http.ts"
import type { UndiciRequest } from "./fetch.ts"
import type { Http2Call } from "./http2.ts"

/** How the requests of one HTTP client are read, and what may still be done to them when they are announced. */
export interface AwsClient<Call extends object> {
  read(call: Call): SignedRequest
  setTraceHeader(call: Call, value: string): void
  /** Shows the first chunk of the body, where somebody looks. */
  lookAtRequest(call: Call, look: ((chunk: unknown) => void) | undefined): void
  /** Called when the headers of the answer are here: shows every chunk of its body. */
  lookAtResponse?(call: Call, look: (chunk: unknown) => void): void
}

/**
 * Teaches an HTTP integration AWS: a request that is signed for a service of AWS becomes the operation that it is an attempt
 * of. This is where a bundled and minified SDK can still be seen, of either version, and the only span for that request.
 */
export function withAws<Call extends object>(http: Integration<Call, Answer>, client: AwsClient<Call>): Integration<Call, Answer> {
  const calls = new WeakMap<Call, AwsCall>()
  const callOf = (call: Call) => {
    const found = calls.get(call) ?? awsCallOf(client.read(call))
    if (found !== undefined) calls.set(call, found)
    return found
  }
  return {
    ...http,

    watch(trace, ...rest: []) {
      return http.watch(
        (call, run) => {
          // A next attempt belongs to the operation that the first one began.
          const known = awsOperations.size > 0 ? awsOperations.get(callOf(call)?.invocationId ?? "") : undefined
          if (known !== undefined) return run(attemptOf(call, known.operation))
          return trace(call, (operation) => run(calls.has(call) ? attemptOf(call, operation) : operation))
        },
        ...rest,
      )
    },

    describe(call): Description {
      const aws = callOf(call)
      return aws === undefined ? http.describe(call) : describeAws(aws, awsSettings.showsObjectKeys)
    },
  }

  /** What the HTTP integration gets to see in place of the operation: it ends an attempt, and its own words are left out. */
  function attemptOf(call: Call, operation: Operation<Answer>): Operation<Answer> {
    const aws = calls.get(call)
    if (operation.context === undefined || aws === undefined) return operation
    const attempt = beginAttempt(aws, operation)
    if (attempt.traceHeader !== undefined) client.setTraceHeader(call, attempt.traceHeader)
    client.lookAtRequest(call, attempt.takeRequest && safe(attempt.takeRequest))
    return {
      headers: NO_HEADERS,
      context: operation.context,
      learnOfInvocation: operation.learnOfInvocation,
      learn({ tags }) {
        const status = Number(tags?.["http.response.status_code"])
        if (attempt.wantsResponse(status)) client.lookAtResponse?.(call, safe(attempt.takeResponse))
      },
      defer: () => attempt.end,
      pause: operation.pause,
    }
  }
}

const NO_HEADERS = Object.freeze({})

/** `node:http` and `node:https`: SDK 2, and most services of SDK 3. */
export const httpClient: AwsClient<ClientRequest> = {
  read: (request) => ({
    method: request.method,
    authority: String(request.getHeader("host") ?? request.host),
    target: request.path,
    header: (name) => request.getHeader(name),
  }),
  setTraceHeader(request, value) {
    if (!request.headersSent) request.setHeader("X-Amzn-Trace-Id", value)
  },
  lookAtRequest(request, look) {
    if (look !== undefined) onFirstChunk(request, look)
  },
  lookAtResponse(request, look) {
    const { res: response } = request as { res?: IncomingMessage }
    if (response !== undefined) onChunk(response, look)
  },
}

/** `node:http2`: Kinesis and event streams of SDK 3. */
export const http2Client: AwsClient<Http2Call> = {
  read({ headers = {} }) {
    const given = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value as unknown]))
    return {
      method: String(given.get(":method") ?? "GET"),
      authority: String(given.get(":authority") ?? given.get("host") ?? ""),
      target: String(given.get(":path") ?? "/"),
      header: (name) => given.get(name),
    }
  },
  setTraceHeader(call, value) {
    const sent: Record<string | symbol, unknown> = { ...(call.headers as Record<string, unknown>) }
    for (const name of Object.keys(sent)) if (name.toLowerCase() === "x-amzn-trace-id") delete sent[name]
    call.headers = { ...sent, "x-amzn-trace-id": value }
  },
  lookAtRequest(call, look) {
    call.opened = (stream) => {
      streams.set(call, stream)
      if (look !== undefined) onFirstChunk(stream, look)
    }
  },
  lookAtResponse(call, look) {
    const stream = streams.get(call)
    if (stream !== undefined) onChunk(stream, look)
  },
}

const streams = new WeakMap<Http2Call, ClientHttp2Stream>()

/** The global fetch, and undici: aws4fetch and its like. What was given as text or bytes is read, and of an answer the headers. */
export const undiciClient: AwsClient<UndiciRequest> = {
  read({ method, origin, path, headers }) {
    const flat = typeof headers === "string" ? headers.split(/: |\r\n/) : headers
    return {
      method,
      authority: String(origin).replace(/^\w+:\/\//, ""),
      target: path,
      header(wanted) {
        const at = flat.findIndex((name, at) => at % 2 === 0 && String(name).toLowerCase() === wanted)
        return at < 0 ? undefined : flat[at + 1]
      },
    }
  },
  setTraceHeader(request, value) {
    // addHeader appends, and nothing can be taken away any more.
    if (this.read(request).header("x-amzn-trace-id") === undefined) request.addHeader("x-amzn-trace-id", value)
  },
  lookAtRequest: ({ body }, look) => look?.(body),
}

/** Shows what is written at once, as every SDK does with a body that it has. Nothing is deleted after it: that would make a slow object of the request. */
function onFirstChunk(request: object, look: (chunk: unknown) => void): void {
  const stream = request as { end(...args: unknown[]): unknown }
  const { end } = stream
  stream.end = function (...args) {
    look(args[0])
    return end.apply(this, args)
  }
}

/** Shows every chunk of a body on its way to whoever reads it. A listener for "data" would start a flow that nobody may be ready for. */
function onChunk(response: object, look: (chunk: unknown) => void): void {
  const stream = response as { push(...args: unknown[]): boolean }
  const { push } = stream
  stream.push = function (...args) {
    look(args[0])
    return push.apply(this, args)
  }
}

/** A body that we cannot make sense of is none of the program's business. */
function safe(look: (chunk: unknown) => void): (chunk: unknown) => void {
  return (chunk) => {
    try {
      look(chunk)
    } catch {
      // The span lacks what the body would have told.
    }
  }
}
