import type { Invocation, ReportedError } from "./contracts.ts"
import type { Answer, Failure, Outcome } from "./life.ts"

export interface Around {
  coldStart: boolean
  initMs: number | undefined
  suppressedSinceMs: number | undefined
  extensions: string[]
  logs: string
}

/** What the client got and what it took, from the marks that the life left. */
export function invocationOf(requestId: string, outcome: Outcome, around: Around): Invocation {
  const { eventAtMs, endedAtMs, failure } = outcome
  const answer = outcome.answer ?? platformAnswer(requestId, outcome)
  const respondedAtMs = outcome.respondedAtMs ?? endedAtMs
  const durationMs = endedAtMs - (around.suppressedSinceMs ?? eventAtMs)
  // AWS bills the Init phase too; an init inside the invocation is in its duration already.
  const initBilledMs = around.suppressedSinceMs === undefined ? (around.initMs ?? 0) : 0
  const since = (atMs: number | undefined): number | undefined => (atMs === undefined ? undefined : atMs - eventAtMs)
  return {
    requestId,
    coldStart: around.coldStart,
    payload: answer.payload,
    headers: answer.headers,
    streaming: answer.streaming,
    functionError: answer.errorType,
    error: answer.errorType === undefined ? undefined : errorOf(answer),
    initMs: around.initMs,
    responseMs: respondedAtMs - eventAtMs,
    firstByteMs: since(outcome.firstByteAtMs),
    runtimeDoneMs: since(outcome.runtimeDoneAtMs),
    heldMs: endedAtMs - respondedAtMs,
    durationMs,
    billedMs: Math.ceil(initBilledMs + durationMs),
    eventAtMs,
    respondedAtMs,
    frozenAtMs: outcome.frozenAtMs,
    reset: failure?.errorType,
    logs: around.logs,
    extensionRegistered: around.extensions.length > 0,
    extensions: around.extensions,
  }
}

/** The platform answers for a runtime that did not. */
function platformAnswer(requestId: string, { failure, partial }: Outcome): Answer {
  const { errorType, errorMessage, payload, headers = {} } = failure as Failure
  const streaming = partial.length > 0
  const own = (): Buffer => Buffer.from(JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${errorMessage}` }))
  return { payload: streaming ? Buffer.concat(partial) : (payload ?? own()), headers, streaming, errorType }
}

function errorOf({ payload, headers, streaming, errorType = "" }: Answer): ReportedError {
  const inTrailer = headers["lambda-runtime-function-error-body"]
  const text = inTrailer ? Buffer.from(inTrailer, "base64").toString() : streaming ? "" : payload.toString()
  try {
    return { errorType, errorMessage: "", ...(JSON.parse(text) as object) }
  } catch {
    return { errorType, errorMessage: text }
  }
}
