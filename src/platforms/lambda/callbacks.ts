import type { Context } from "aws-lambda"
import type { Invocation } from "../../core/invoke.ts"
import type { Hold } from "./hold.ts"

/** The context of the Node 22 runtime and older ones, where a handler may answer by callback. */
export type LegacyContext = Context | undefined

type Answer = (error?: unknown, result?: unknown) => void

/**
 * Follows a handler that answers by its callback, by `context.done`, `succeed` or `fail`, or not at all (aws-lambda-ric 3).
 * `undefined` on runtimes that have no callbacks.
 */
export function followCallbacks(invocation: Invocation, args: unknown[], context: LegacyContext, hold: Hold): { waitForAnswer(): void } | undefined {
  if (typeof context?.done !== "function" || typeof args[2] !== "function") return undefined
  let answered = false

  /** Ends the invocation once, then hands the answer on: after the delivery where the freeze is not held. */
  const answer = (error: unknown, result: unknown, handOn: () => void): void => {
    if (answered) return handOn()
    answered = true
    process.off("beforeExit", neverAnswered)
    const { returned, threw } = invocation.defer()
    const wait = error === undefined || error === null ? returned(result) : threw(error)
    if (wait === undefined) handOn()
    else void wait.then(handOn)
  }
  /** The runtime, whose listener came first, has answered null. */
  const neverAnswered = () => answer(undefined, null, () => {})

  const { done, succeed, fail } = context
  const callback = args[2] as Answer
  args[2] = (error?: unknown, result?: unknown) => {
    if (!answered && (error ?? null) === null && context.callbackWaitsForEmptyEventLoop) hold.waitForEmptyLoop()
    answer(error, result, () => callback(error, result))
  }
  context.done = (error, result) => answer(error, result, () => done(error, result))
  context.succeed = (result: unknown) => answer(undefined, result, () => succeed(result))
  context.fail = (error) => answer(error ?? "handled", undefined, () => fail(error))

  return {
    waitForAnswer() {
      if (answered) return
      invocation.defer()
      process.once("beforeExit", neverAnswered)
    },
  }
}
