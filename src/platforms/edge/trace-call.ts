import type { Description, Tags } from "../../core/contracts.ts"
import { type Observer, observeValue } from "../../core/observe.ts"
import type { Span } from "../../core/span.ts"
import { state } from "./state.ts"

/** What one kind of call means. */
export interface Meaning<Call, Result = unknown> {
  /** For the user, when something of ours fails. */
  readonly name: string
  /** Pure. */
  describe(call: Call): Description
  /** What was learned from the result. Pure. */
  tagsOf?(result: Result): Tags
}

/**
 * Runs one call as a child of the active span, or straight through when there is none: what `core/trace` is to Node, in the few
 * bytes that the edge needs of it. `run` gets the headers that carry the trace to the callee. What it gives or throws reaches
 * the caller untouched.
 */
export function traceCall<Call, Result, T>(
  meaning: Meaning<Call, Result>,
  call: Call,
  run: (headers: () => Readonly<Record<string, string>>) => T,
  observe: (value: T, observer: Observer) => T = observeValue,
): T {
  const { scopeManager } = state
  const parent = scopeManager.active?.span
  const span = parent && attempt(meaning, () => start(parent, meaning.describe(call)))
  if (span === undefined) return run(() => ({}))
  const threw = (error: unknown) => {
    span.fail(error ?? "unknown").finish()
    return undefined
  }
  const returned = (value: unknown) => {
    if (value !== undefined && meaning.tagsOf) attempt(meaning, () => span.describe(meaning.tagsOf?.(value as Result) ?? {}))
    span.finish()
    return undefined
  }
  return scopeManager.run(span, () => {
    let value: T
    try {
      value = run(() => span.tracer().headersOf(span))
    } catch (error) {
      threw(error)
      throw error
    }
    return observe(value, { returned, threw })
  })
}

function start(parent: Span, { operationName, kind, tags }: Description): Span {
  const span = parent.tracer().startSpan(operationName, { childOf: parent })
  span.describe({ "span.kind": kind, ...tags })
  return span
}

function attempt<T>({ name }: { readonly name: string }, step: () => T): T | undefined {
  try {
    return step()
  } catch (error) {
    state.report("instrumentation", `calls of ${name} are not traced: ${String(error)}.`)
    return undefined
  }
}
