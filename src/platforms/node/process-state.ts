import { AsyncLocalStorage } from "node:async_hooks"
import type { Trigger } from "../../core/contracts.ts"
import { createReport, type Report } from "../../core/report.ts"
import { type Scope, ScopeManager } from "../../core/scope.ts"
import type { Tracer } from "../../core/tracer.ts"
import type { AnyIntegration } from "../../integrations/_patch.ts"
import type { Ending } from "../lambda/ending.ts"
import type { Extension } from "../lambda/extension.ts"

/** What a user wants to do with the spans of an integration. A hook that throws tags the span `instrumentation_error`. */
export type Hooks = Pick<AnyIntegration, "name" | "onCall" | "onResult">

/**
 * All that must exist once in a process, however many copies of this package are loaded (an ESM and a CommonJS one, one in
 * a layer and one in a bundle). The first copy makes it, the others find it. Change the key when its shape changes.
 */
export interface ProcessState {
  readonly scopeManager: ScopeManager
  readonly report: Report
  /** The default tracer. */
  tracer: Tracer | undefined
  /** Integrations that watch, by name, each with its undo. */
  readonly watching: Map<string, () => void>
  /** The user's own, by the name of the integration. */
  readonly hooks: Map<string, Hooks>
  /** `null` once it was found that this process must not have one. */
  extension: Extension | null | undefined
  readonly start: {
    /** When the handler's module had been evaluated, in milliseconds since the start of the process. */
    initEndMs: number | undefined
    invocations: number
  }
  /** Made by the first copy that needs it. */
  ending?: Ending
  /** Set by `antifreeze/capture`: adds what is captured of an event and its result. Never throws. */
  capture?: (trigger: Trigger, event: unknown) => Trigger
}

/** `OTEL_LOG_LEVEL=none` silences us. */
function warn(line: string): void {
  if (process.env["OTEL_LOG_LEVEL"]?.toLowerCase() !== "none") console.warn(line)
}

const KEY = Symbol.for("antifreeze.process-state.v1")

export const processState: ProcessState = ((globalThis as { [KEY]?: ProcessState })[KEY] ??= {
  scopeManager: new ScopeManager(new AsyncLocalStorage<Scope | null>()),
  report: createReport(warn),
  tracer: undefined,
  watching: new Map(),
  hooks: new Map(),
  extension: undefined,
  start: { initEndMs: undefined, invocations: 0 },
})
