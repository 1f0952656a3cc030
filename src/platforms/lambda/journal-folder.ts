import { processState } from "../node/process-state.ts"

/** Where journals are: the environment's own temporary folder, which the next process in it finds again. */
export function journalFolder(): string {
  return `${process.env["TMPDIR"] || "/tmp"}/antifreeze-journal`
}

/** The next process finds a journal only where there is one at a time, and on Lambda: where we have an extension. */
export function hasPlace(): boolean {
  return processState.extension !== undefined && processState.extension !== null
}
