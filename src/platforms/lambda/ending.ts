import type { Batch } from "../../core/batch.ts"
import type { Span } from "../../core/span.ts"
import type { Tracer } from "../../core/tracer.ts"
import { processState } from "../node/process-state.ts"

/** What must be known of this process when it ends. */
export interface Ending {
  /** Whether somebody listens already. */
  hearsExit: boolean
  hearsCrash: boolean
  /** What was thrown past everybody, until it turns out that the process goes on. */
  fatal: { readonly error: unknown; readonly how: How } | undefined
  /** What the invocation under way knows. `undefined` until the first that lasts, `null` where there can be none. */
  journal: Journal | null | undefined
  /** What is over, and waits for its delivery; of the tracers in `waiting`. */
  outbox: Journal | null | undefined
  readonly waiting: Set<Tracer>
  watchdog: Watchdog | undefined
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
  /** The spans of this body are only in memory otherwise. False when it could not be written. */
  keep(body: string): boolean
  /** Nothing is left to deliver. */
  clear(): void
}

/** A thread that delivers what the journal says when this one is blocked. */
export interface Watchdog {
  /** An invocation has until then, in milliseconds since the Unix epoch, before the thread looks into the journal by itself. */
  arm(atMs: number): void
  disarm(): void
  /** Whether it has, since it was armed: what it has told is told again, as a later revision. */
  readonly hasFired: boolean
}

export const ending: Ending = (processState.ending ??= {
  hearsExit: false,
  hearsCrash: false,
  fatal: undefined,
  journal: undefined,
  outbox: undefined,
  waiting: new Set(),
  watchdog: undefined,
  recovery: undefined,
  mayBeLeft: true,
  initTold: false,
})
