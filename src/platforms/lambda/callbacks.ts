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
export function followCallbacks(
  invocation: Invocation,
  args: unknown[],
  context: LegacyContext,
  hold: Hold,
  touchUp: ((error: unknown) => void) | undefined,
): { waitForAnswer(): void } | undefined {
  const { scopeManager } = invocation.root.tracer()
  if (typeof context?.done !== "function" || typeof args[2] !== "function") return undefined
  let answered = false

  /** Ends the invocation once. A promise holds the answer back until the delivery, where the freeze is not held. */
  const end = (error: unknown, result: unknown): Promise<unknown> | undefined => {
    if (answered) return undefined
    answered = true
    process.off("beforeExit", neverAnswered)
    touchUp?.(error)
    const { returned, threw } = invocation.defer()
    return error === undefined || error === null ? returned(result) : threw(error)
  }
  /** The runtime, whose listener came first, has answered null. */
  const neverAnswered = () => void end(undefined, null)

  /** Few frames: a stack has ten, and the runtime's own errors are to show the function's. */
  const handOn = (answer: () => void, wait: Promise<unknown> | undefined): void => {
    if (wait !== undefined) return void wait.then(() => handOn(answer, undefined))
    try {
      // The runtime asks for its next event in the async context of the answer: it is none of this invocation's.
      scopeManager.exclude(answer)
    } catch (trouble) {
      // A result that is not JSON, which the runtime reports next.
      touchUp?.(trouble)
      throw trouble
    }
  }

  const { done, succeed, fail } = context
  const callback = args[2] as Answer
  args[2] = (error?: unknown, result?: unknown) => {
    if (!answered && (error ?? null) === null && context.callbackWaitsForEmptyEventLoop) hold.waitForEmptyLoop()
    handOn(callback.bind(undefined, error, result), end(error, result))
  }
  context.done = (error, result) => handOn(done.bind(undefined, error, result), end(error, result))
  context.succeed = (result: unknown) => handOn((succeed as Answer).bind(undefined, result), end(undefined, result))
  context.fail = (error) => handOn((fail as Answer).bind(undefined, error), end(error ?? "handled", undefined))

  return {
    waitForAnswer() {
      if (answered) return
      hold.keepQuiet()
      invocation.defer()
      process.once("beforeExit", neverAnswered)
    },
  }
}

/**
 * Ends the invocation when the event loop runs empty before it has ended: nothing can settle its promise any more. The Node 22
 * runtime answers null then, and later ones let the process end; neither may wait for us. Call `forget` when it has ended.
 */
export function endWithLoop(invocation: Invocation): void {
  if (unsettled.size === 0) process.on("beforeExit", endAll)
  unsettled.add(invocation)
}

/** Need not be called before the response is out. */
export function forget(invocation: Invocation): void {
  if (unsettled.delete(invocation) && unsettled.size === 0) process.off("beforeExit", endAll)
}

/** One listener for all invocations that are under way, and none for the function to see when there are none. */
const unsettled = new Set<Invocation>()

function endAll(): void {
  for (const invocation of unsettled) {
    forget(invocation)
    const error = new Error("The handler's promise never settled: the event loop is empty.")
    error.stack = ""
    void invocation.defer().threw(error)
  }
}
