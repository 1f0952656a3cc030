import type { ClientRequest, IncomingMessage } from "node:http"
import type { ClientHttp2Stream } from "node:http2"
import type { Description, Integration, Operation } from "../core/contracts.ts"
import { type AwsClient, awsOperations, awsSettings, type Look } from "./_aws.ts"
import { beginAttempt } from "./_aws-attempt.ts"
import { type AwsCall, awsCallOf, type SignedRequest } from "./_aws-call.ts"
import { describeAws } from "./_aws-facts.ts"
import { type Answer, byName } from "./_http.ts"
import { tap } from "./_tap.ts"
import type { UndiciRequest } from "./fetch.ts"
import type { Http2Call } from "./http2.ts"

/**
 * Teaches an HTTP integration AWS: a request that is signed for a service of AWS becomes the operation that it is an attempt
 * of. This is where a bundled and minified SDK can still be seen, of either version, and the only span for that request.
 */
export function withAws<Call extends object>(http: Integration<Call, Answer>, client: AwsClient<Call>): Integration<Call, Answer> {
  let seen: Call | undefined
  let aws: AwsCall | undefined
  // A call is described and begun in one go, so that the last one is all there is to remember.
  const callOf = (call: Call) => {
    if (call === seen) return aws
    const request = client.read(call)
    aws = isSigned(request) ? awsCallOf(request) : undefined
    seen = call
    return aws
  }
  return {
    ...http,

    watch(trace, ...rest: []) {
      return http.watch(
        (call, run) => {
          const attemptOf = (operation: Operation<Answer>) => {
            const found = call === seen ? aws : undefined
            aws = seen = undefined
            if (found === undefined || operation.context === undefined) return run(operation)
            return run(beginAttempt(found, operation, awsSettings, client, call))
          }
          // A next attempt belongs to the operation that the first one began.
          const known = awsOperations.size > 0 ? awsOperations.get(callOf(call)?.invocationId ?? "") : undefined
          return known === undefined ? trace(call, attemptOf) : attemptOf(known.operation)
        },
        ...rest,
      )
    },

    describe(call): Description {
      const found = callOf(call)
      return found === undefined ? http.describe(call) : describeAws(found, awsSettings.showsObjectKeys)
    },
  }
}

/** The cheap half of the question: what reads calls of AWS is not loaded for any other. */
function isSigned({ header, target }: SignedRequest): boolean {
  const authorization = header("authorization")
  return (
    authorization?.startsWith("AWS4-") ||
    header("amz-sdk-invocation-id") !== undefined ||
    header("x-amz-target") !== undefined ||
    (authorization === undefined && target.includes("X-Amz-Credential="))
  )
}

/** `node:http` and `node:https`: SDK 2, and most services of SDK 3. */
export const httpClient: AwsClient<ClientRequest> = {
  read: (request) => ({
    method: request.method,
    authority: String(request.getHeader("host") ?? request.host),
    target: request.path,
    header: (name) => textOf(request.getHeader(name)),
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
  read({ headers }) {
    const given = byName(headers)
    return {
      method: String(given.get(":method") ?? "GET"),
      authority: String(given.get(":authority") ?? given.get("host") ?? ""),
      target: String(given.get(":path") ?? "/"),
      header: (name) => textOf(given.get(name)),
    }
  },
  setTraceHeader(call, value) {
    // No SDK gives names and values by turns.
    if (Array.isArray(call.headers)) return
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
        return at < 0 ? undefined : textOf(flat[at + 1])
      },
    }
  },
  setTraceHeader(request, value) {
    // addHeader appends, and nothing can be taken away any more.
    if (this.read(request).header("x-amzn-trace-id") === undefined) request.addHeader("x-amzn-trace-id", value)
  },
  lookAtRequest: ({ body }, look) => look && show(look, body),
}

function textOf(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value)
}

/** Every SDK hands over a body that it has at once. */
function onFirstChunk(request: object, look: Look): void {
  tap(request, "end", (chunk) => show(look, chunk))
}

/** A listener for "data" would start a flow that nobody may be ready for. */
function onChunk(response: object, look: Look): void {
  tap(response, "push", (chunk) => show(look, chunk))
}

/** A body that we cannot make sense of is none of the program's business: the span lacks what it would have told. */
function show(look: Look, chunk: unknown): void {
  try {
    look(chunk)
  } catch {}
}
