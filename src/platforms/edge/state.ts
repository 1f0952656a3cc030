import { createReport, type Report } from "../../core/report.ts"
import { type Scope, ScopeManager } from "../../core/scope.ts"
import type { Tracer } from "../../core/tracer.ts"
import { findStorage } from "./storage.ts"
import { tellsUnderWay } from "./under-way.ts"

/** All that must exist once in an isolate, however many copies of this package were bundled. Change the key when the shape changes. */
export interface EdgeState {
  readonly scopeManager: ScopeManager
  readonly report: Report
  /** The tracer that was used last; what the entries export as `tracer`. */
  tracer: Tracer | undefined
  /** Whether the global `fetch` is watched. */
  watching: boolean
  /** Names by which the user knows bindings, stubs and namespaces. */
  readonly names: WeakMap<object, string>
  /** Prototypes that were patched, and environments whose bindings were. */
  readonly patched: WeakSet<object>
}

const KEY = Symbol.for("antifreeze.edge-state.v1")

export const state: EdgeState = ((globalThis as { [KEY]?: EdgeState })[KEY] ??= createState())

function createState(): EdgeState {
  const scopeManager = new ScopeManager(findStorage<Scope | null>())
  tellsUnderWay(() => scopeManager.active)
  return {
    scopeManager,
    report: createReport((line) => console.warn(line)),
    tracer: undefined,
    watching: false,
    names: new WeakMap(),
    patched: new WeakSet(),
  }
}
