import type { End, Operation, Tags } from "../core/contracts.ts"
import { rewriteTraceHeader } from "../core/propagation/xray.ts"
import type { AwsCall } from "./_aws-call.ts"
import { answerFacts, describeAws, isTellingAnswer, isTellingRequest, mayBeRetried, requestFacts } from "./_aws-facts.ts"
import { MAX_TEXT, textOf } from "./_aws-text.ts"
import type { Answer } from "./_http.ts"

/** What the platform was asked for. */
export const awsSettings = {
  /** Write `X-Amzn-Trace-Id`, the one header that AWS's services pass on. */
  sendsTraceHeader: true,
  /** Tag keys of objects, and what they are copied from. They can hold personal data. */
  showsObjectKeys: false,
}

/** An operation that is under way, across its attempts. */
export interface AwsOperation {
  readonly operation: AnyOperation
  /** Ends it. Not there while the SDK's own promise is followed, which knows better whether there is another attempt. */
  end: End<unknown> | undefined
  /** Begun, and the number of the last that has ended. */
  attempts: number
  ended: number
  /** How the last attempt ended. */
  last?: Tags
  timer?: ReturnType<typeof setTimeout>
}

/**
 * By `amz-sdk-invocation-id`, which all attempts of an operation share. On the global object, for a client may be traced
 * by one copy of this package and its requests be watched by another.
 */
const KEY = Symbol.for("antifreeze.aws-operations.v1")
export const awsOperations: Map<string, AwsOperation> = ((globalThis as { [KEY]?: Map<string, AwsOperation> })[KEY] ??= new Map())

const MAX_OPERATIONS = 512
/** Longer than the SDK ever waits before it tries again. */
const RETRY_WAIT_MS = 30_000

/** The operation that this request is an attempt of, when it is not the first. */
// biome-ignore lint/suspicious/noExplicitAny: the same operation serves clients with results of different kinds; none is ever given.
type AnyOperation = Operation<any>

/** One request of an operation. */
export interface Attempt {
  /** The trace header to be set, in place of the one that is there; `undefined` when nothing may be. */
  readonly traceHeader: string | undefined
  /** Given the first chunk of the body, once. */
  readonly takeRequest: ((chunk: unknown) => void) | undefined
  /** Whether the body of an answer with this status is worth a look: then `takeResponse` gets every chunk. */
  wantsResponse(status: number): boolean
  takeResponse(chunk: unknown): void
  end(error?: unknown, answer?: Answer): void
}

export function beginAttempt(call: AwsCall, operation: AnyOperation): Attempt {
  const { invocationId } = call
  let mine = invocationId === undefined ? undefined : awsOperations.get(invocationId)
  if (mine === undefined) {
    mine = { operation, end: operation.defer(), attempts: 0, ended: 0 }
    if (invocationId !== undefined) remember(invocationId, mine)
  }
  const state = mine
  clearTimeout(state.timer)
  const number = ++state.attempts
  // What began in the SDK knows nothing yet of host, region and resource.
  if (state.end === undefined) operation.learn(describeAws(call, awsSettings.showsObjectKeys))
  if (number > 1) operation.learn({ tags: { "http.request.resend_count": number - 1 }, log: { event: "retry", ...state.last } })
  let name = call.operation
  let head = ""
  let tail = ""
  return {
    traceHeader: traceHeaderFor(call, operation),

    takeRequest: isTellingRequest(call)
      ? (chunk) => {
          const facts = requestFacts(call, textOf(chunk))
          name = facts.operation
          operation.learn(facts)
        }
      : undefined,

    wantsResponse: (status) => status >= 300 || isTellingAnswer(call),

    takeResponse(chunk) {
      if (!(chunk instanceof Uint8Array)) return
      if (head.length < MAX_TEXT) head += textOf(chunk)
      // Event streams tell their totals at the very end.
      else tail = textOf(chunk)
    },

    end(error, answer) {
      // A next attempt has begun: this one is history.
      if (state.attempts !== number) return
      state.ended = number
      const facts =
        answer?.header === undefined ? {} : answerFacts(call, name, { status: answer.status, header: answer.header, text: head + tail })
      state.last = { "http.response.status_code": facts["http.response.status_code"], "error.type": facts["error.type"] ?? nameOf(error) }
      if (facts["aws.throttled"] === true) operation.learn({ tags: { "aws.throttled": true } })
      if (state.end === undefined) return operation.learn({ tags: facts })
      const forget = () => invocationId !== undefined && awsOperations.delete(invocationId)
      if (invocationId === undefined || call.attempt >= call.maxAttempts || !mayBeRetried(facts, error)) {
        forget()
        operation.learn({ tags: facts })
        return state.end(error)
      }
      const giveUp = operation.pause(error, facts)
      state.timer = setTimeout(() => {
        forget()
        giveUp()
      }, RETRY_WAIT_MS)
      state.timer.unref?.()
    },
  }
}

function traceHeaderFor(call: AwsCall, { context }: Operation): string | undefined {
  if (!awsSettings.sendsTraceHeader || context === undefined || call.isPresigned || call.signsTrace) return undefined
  const existing = call.header("x-amzn-trace-id")
  const rewritten = rewriteTraceHeader(existing, context)
  return rewritten === existing ? undefined : rewritten
}

/** Bounded, because a request that never ends is never forgotten. */
export function remember(invocationId: string, operation: AwsOperation): void {
  if (awsOperations.size >= MAX_OPERATIONS) {
    for (const oldest of awsOperations.keys()) {
      awsOperations.delete(oldest)
      break
    }
  }
  awsOperations.set(invocationId, operation)
}

function nameOf(error: unknown): string | undefined {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  return typeof code === "string" ? code : typeof name === "string" ? name : undefined
}
