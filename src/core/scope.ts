import type { Sink } from "./batch.ts"
import type { ScopeStorage } from "./contracts.ts"
import type { Span } from "./span.ts"

/** One stretch of code during which a span is the active one (OpenTracing specification, "Scope"). */
export class Scope {
  readonly span: Span
  readonly #manager: ScopeManager
  readonly #parent: Scope | null
  readonly #finishOnClose: boolean
  #closed = false

  /** Scopes are made by a ScopeManager. */
  constructor(manager: ScopeManager, span: Span, parent: Scope | null, finishOnClose: boolean) {
    this.#manager = manager
    this.span = span
    this.#parent = parent
    this.#finishOnClose = finishOnClose
  }

  /** Ends the scope; the one around it becomes active again. Safe when called twice, out of order, or from another async context. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#finishOnClose) this.span.finish()
    this.#manager.leave(this)
  }

  /**
   * This scope, or the nearest one around it that is still open. Async contexts keep the scope that they were born in
   * even after it was closed elsewhere; because they ask here, nobody has to reach into them to put it right.
   */
  nearestOpen(): Scope | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.#parent) if (!scope.#closed) return scope
    return null
  }
}

/** Knows the active span of every async context. One for each process: all tracers share it. */
export class ScopeManager {
  /** The invocations under way: where their spans go, and their root span. */
  readonly invocations: Map<Sink, Span> = new Map()
  readonly #storage: ScopeStorage<Scope | null>

  constructor(storage: ScopeStorage<Scope | null>) {
    this.#storage = storage
  }

  /** The active scope, or null. */
  get active(): Scope | null {
    return this.#storage.getStore()?.nearestOpen() ?? null
  }

  /** The root span that code without a context of its own, or with that of an invocation which is over, belongs to. */
  get adopter(): Span | undefined {
    const scope = this.#storage.getStore()
    const sink = scope?.nearestOpen()?.span.context().segment?.sink
    const isLost = scope === undefined || (sink?.owner !== undefined && !this.invocations.has(sink))
    if (!isLost || this.invocations.size !== 1) return undefined
    return this.invocations.values().next().value
  }

  /** Gives what makes the scope that is active now active again, for callbacks that are called from elsewhere. */
  capture(): <R>(fn: () => R) => R {
    const scope = this.#storage.getStore()
    return scope === undefined ? (fn) => fn() : (fn) => this.#storage.run(scope, fn)
  }

  /** Makes the span active from here on, in this async context, until the scope is closed. */
  activate(span: Span, finishOnClose = false): Scope {
    const scope = new Scope(this, span, this.active, finishOnClose)
    this.#storage.enterWith(scope)
    return scope
  }

  /** Makes the span active within `fn` and all that it starts. Cheaper than `activate`, and nothing to close. */
  run<R>(span: Span, fn: () => R): R {
    return this.#storage.run(new Scope(this, span, this.active, false), fn)
  }

  /** Runs `fn` with no active span, so that nothing it does is traced. */
  exclude<R>(fn: () => R): R {
    return this.#storage.run(null, fn)
  }

  /** A closed scope was left. Only the async context that it is active in has anything to restore. */
  leave(scope: Scope): void {
    if (this.#storage.getStore() === scope) this.#storage.enterWith(scope.nearestOpen())
  }
}
