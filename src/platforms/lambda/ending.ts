import type { Batch } from "../../core/batch.ts"
import type { SpanRecord, Urgent } from "../../core/contracts.ts"
import type { Span } from "../../core/span.ts"
import { processState } from "../node/process-state.ts"

/** What must be known of this process when it ends. */
export interface Ending {
  /** Whether somebody listens already. */
  hearsExit: boolean
  hearsCrash: boolean
  /** What was thrown past everybody, until it turns out that the process goes on. */
  fatal: { readonly error: unknown; readonly how: How } | undefined
  /** `undefined` until the first invocation that lasts, `null` where there can be none. */
  journal: Journal | null | undefined
  /** The delivery of what an earlier process has left, while it is under way. */
  recovery: Promise<unknown> | undefined
  /** Whether it has still to be looked for. */
  mayBeLeft: boolean
  /** Whether a failed init has been told already. */
  initTold: boolean
}

/** `antifreeze.ended` of the spans that were under way. */
export type How = "uncaughtException" | "unhandledRejection" | "exit" | "SIGTERM"

/** Spans on disk, for the next process in the same environment. Never throws. */
export interface Journal {
  readonly file: string
  /** Everything that is known of this invocation so far; once for each. */
  begin(batch: Batch): void
  write(span: Span): void
  /** These could not be delivered, and are only in memory otherwise. */
  keep(spans: readonly SpanRecord[], urgent: Urgent): void
  /** All that is left to deliver is this body. */
  replace(body: string): boolean
  /** Nothing is left to deliver. */
  clear(): void
}

export const ending: Ending = (processState.ending ??= {
  hearsExit: false,
  hearsCrash: false,
  fatal: undefined,
  journal: undefined,
  recovery: undefined,
  mayBeLeft: true,
  initTold: false,
})
