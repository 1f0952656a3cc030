import { processState } from "../node/process-state.ts"
import { ending, type How } from "./ending.ts"
import { sendRemainder, speakLastWords } from "./last-words.ts"

/**
 * Hears that the process ends, and changes nothing about it. With the first traced handler; what it takes is loaded only
 * when there is something left to deliver.
 */
export function watchExit(): void {
  if (ending.hearsExit) return
  ending.hearsExit = true
  process.on("exit", (code) => lastWords("exit", code))
}

/**
 * Hears what ends the process, with the first invocation.
 *
 * 1. `uncaughtExceptionMonitor` observes; a listener for `uncaughtException` would keep Node from ending the process.
 * 2. A listener for `unhandledRejection` would do the same; and where somebody listens already (aws-lambda-ric 3), a second one
 *    shows in the stack of the error that he makes. There the exit code tells.
 * 3. A listener for SIGTERM takes Node's own answer away, so that it is given by us, where nobody else listens.
 */
export function watchCrash(): void {
  if (ending.hearsCrash) return
  ending.hearsCrash = true
  process.on("uncaughtExceptionMonitor", (error, origin) => {
    ending.fatal = { error, how: origin }
    // The runtime may have taken care of it, and the process goes on.
    setImmediate(forget)
  })
  process.prependListener("SIGTERM", onTerm)
}

function forget(): void {
  ending.fatal = undefined
}

function onTerm(): void {
  // Whoever else listens has taken the ending into his own hands; "exit" follows.
  if (process.listenerCount("SIGTERM") > 1) {
    if (hasRemainder()) Promise.resolve().then(sendRemainder).catch(lost)
    return
  }
  process.off("SIGTERM", onTerm)
  const end = () => process.kill(process.pid, "SIGTERM")
  const late = lastWords("SIGTERM", undefined)
  if (late === undefined) end()
  else void late.then(end)
}

function lastWords(how: How, code: number | undefined): Promise<unknown> | undefined {
  try {
    const { invocations } = processState.scopeManager
    const initFailed = processState.start.invocations === 0 && code !== undefined && code !== 0 && !ending.initTold
    if (invocations.size > 0 || initFailed || hasRemainder()) return speakLastWords(how, code, initFailed)
  } catch (error) {
    lost(error)
  }
  return undefined
}

function lost(error: unknown): void {
  processState.report("delivery", `the last spans of this process are lost: ${String(error)}.`)
}

function hasRemainder(): boolean {
  return processState.tracer?.hasRemainder === true || ending.waiting.size > 0
}
