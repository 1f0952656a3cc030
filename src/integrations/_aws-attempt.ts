import type { End, Learned, Operation, Propagated } from "../core/contracts.ts"
import { rewriteTraceHeader } from "../core/propagation/xray.ts"
import { type AnyOperation, type AwsClient, type AwsOperation, type AwsSettings, awsOperations, remember } from "./_aws.ts"
import { type AwsCall, isLastAttempt } from "./_aws-call.ts"
import { answerFacts, describeAws, isTellingAnswer, isTellingRequest, mayBeRetried, requestFacts } from "./_aws-facts.ts"
import { MAX_TEXT, textOf } from "./_aws-text.ts"
import type { Answer } from "./_http.ts"

/** Longer than the SDK ever waits before it tries again. */
const RETRY_WAIT_MS = 30_000
const NO_HEADERS = Object.freeze({})

/** Begins the operation with its first request, or joins it with a later one: gives what the HTTP integration gets to see in its place. */
export function beginAttempt<Call extends object>(
  aws: AwsCall,
  operation: AnyOperation,
  settings: AwsSettings,
  client: AwsClient<Call>,
  call: Call,
): Operation<Answer> {
  const { invocationId } = aws
  let state = invocationId === undefined ? undefined : awsOperations.get(invocationId)
  if (state === undefined) {
    state = { operation, end: operation.defer(), attempts: 0, ended: 0 }
    if (invocationId !== undefined) remember(invocationId, state)
  }
  const number = ++state.attempts
  // What began in the SDK knows nothing yet of host, region and resource.
  if (state.end === undefined) operation.learn(describeAws(aws, settings.showsObjectKeys))
  if (number > 1) {
    clearTimeout(state.timer)
    operation.learn({ tags: { "http.request.resend_count": number - 1 }, log: { event: "retry", ...state.last } })
  }
  const attempt = new Attempt(aws, state, client, call)
  const traceHeader = settings.sendsTraceHeader ? traceHeaderFor(aws, operation) : undefined
  if (traceHeader !== undefined) client.setTraceHeader(call, traceHeader)
  client.lookAtRequest(call, isTellingRequest(aws) ? (chunk) => attempt.takeRequest(chunk) : undefined)
  return attempt
}

/** The trace header to be set, in place of the one that is there; `undefined` when nothing may be. */
function traceHeaderFor({ isPresigned, header }: AwsCall, { context }: AnyOperation): string | undefined {
  if (context === undefined || isPresigned) return undefined
  const existing = header("x-amzn-trace-id")
  // The signature covers it.
  if (existing !== undefined && header("authorization")?.includes("x-amzn-trace-id")) return undefined
  const rewritten = rewriteTraceHeader(existing, context)
  return rewritten === existing ? undefined : rewritten
}

/** It ends an attempt, and HTTP's own words are left out. A class, since every call makes one: its methods cost nothing until they are used. */
class Attempt<Call extends object> implements Operation<Answer> {
  readonly headers = NO_HEADERS
  readonly #aws: AwsCall
  readonly #state: AwsOperation
  readonly #number: number
  readonly #client: AwsClient<Call>
  readonly #call: Call
  #name: string | undefined
  #head = ""
  #tail = ""

  constructor(aws: AwsCall, state: AwsOperation, client: AwsClient<Call>, call: Call) {
    this.#aws = aws
    this.#state = state
    this.#number = state.attempts
    this.#client = client
    this.#call = call
    this.#name = aws.operation
  }

  get context(): Propagated | undefined {
    return this.#state.operation.context
  }

  takeRequest(chunk: unknown): void {
    const facts = requestFacts(this.#aws, textOf(chunk))
    this.#name = facts.operation
    this.#state.operation.learn(facts)
  }

  /** The headers of the answer are here. */
  learn({ response }: Partial<Answer>): void {
    if ((response?.status ?? 0) < 300 && !isTellingAnswer(this.#aws)) return
    this.#client.lookAtResponse?.(this.#call, (chunk) => {
      if (!(chunk instanceof Uint8Array)) return
      if (this.#head.length < MAX_TEXT) this.#head += textOf(chunk)
      // Event streams tell their totals at the very end.
      else this.#tail = textOf(chunk)
    })
  }

  learnOfInvocation(more: Learned): void {
    this.#state.operation.learnOfInvocation(more)
  }

  defer(): End<Answer> {
    return (error, answer) => this.#end(error, answer)
  }

  pause(error?: unknown): () => void {
    return this.#state.operation.pause(error)
  }

  #end(error: unknown, answer: Answer | undefined): void {
    const aws = this.#aws
    const state = this.#state
    const { operation, end } = state
    // A next attempt has begun: this one is history.
    if (state.attempts !== this.#number) return
    state.ended = this.#number
    const tags = answer === undefined ? {} : answerFacts(aws.scope, this.#name, answer.response, this.#head + this.#tail)
    if (end !== undefined && (!mayBeRetried(tags, error) || isLastAttempt(aws))) {
      forget(aws)
      operation.learn({ tags })
      return end(error)
    }
    state.last = { "http.response.status_code": tags["http.response.status_code"], "error.type": tags["error.type"] ?? nameOf(error) }
    if (end === undefined) return operation.learn({ tags })
    if (tags["aws.throttled"] === true) operation.learn({ tags: { "aws.throttled": true } })
    const giveUp = operation.pause(error, tags)
    state.timer = setTimeout(() => {
      forget(aws)
      giveUp()
    }, RETRY_WAIT_MS)
    state.timer.unref?.()
  }
}

function forget({ invocationId }: AwsCall): void {
  if (invocationId !== undefined) awsOperations.delete(invocationId)
}

function nameOf(error: unknown): string | undefined {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  return typeof code === "string" ? code : typeof name === "string" ? name : undefined
}
