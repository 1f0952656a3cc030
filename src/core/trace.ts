import type { Reference } from "opentracing"
import type { Description, End, Integration, Learned, Operation, Propagated, Tags, Trace } from "./contracts.ts"
import { observeValue } from "./observe.ts"
import type { Report } from "./report.ts"
import type { ScopeManager } from "./scope.ts"
import type { Span } from "./span.ts"
import type { Tracer } from "./tracer.ts"

/** What an operation is where nothing is traced. */
const INERT: Operation<unknown> = {
  headers: Object.freeze({}),
  context: undefined,
  learn() {},
  learnOfInvocation() {},
  defer: () => () => {},
  pause: () => () => {},
}

/**
 * The only way to a child span. The span covers `run`: until it returns, until its promise settles, or, once `defer()`
 * was called, until the callback that it gave is called. What `run` returns or throws reaches the caller untouched.
 */
export function traceFor<Call, Result>(
  scopeManager: ScopeManager,
  integration: Integration<Call, Result>,
  report: Report,
): Trace<Call, Result> {
  const start = (call: Call): LiveOperation<Call, Result> | undefined => {
    const parent = (integration.adopts && scopeManager.adopter) || scopeManager.active?.span
    if (parent === undefined) return undefined
    try {
      return startOperation(parent, integration, call, report)
    } catch (error) {
      report("instrumentation", `${integration.name} has no span: ${String(error)}.`)
      return undefined
    }
  }
  const trace: Trace<Call, Result> = (call, callee) => {
    const operation = start(call)
    if (operation === undefined) return callee(INERT as Operation<Result>)
    return scopeManager.run(operation.span, () => run(operation, callee))
  }
  return Object.assign(trace, { begin: (call: Call) => start(call)?.defer(), capture: () => scopeManager.capture() })
}

function startOperation<Call, Result>(
  parent: Span,
  integration: Integration<Call, Result>,
  call: Call,
  report: Report,
): LiveOperation<Call, Result> {
  const tracer = parent.tracer()
  let described: Description | undefined
  let flaw: unknown
  try {
    described = integration.describe(call)
  } catch (error) {
    flaw = error ?? "thrown"
  }
  const references = described?.carriers?.flatMap((carrier) => referenceTo(tracer, carrier))
  const span = tracer.startSpan(described?.operationName ?? integration.name, { childOf: parent, references })
  const operation = new LiveOperation(span, integration, report)
  if (described === undefined) operation.mistake(flaw)
  else {
    span.describe({ "span.kind": described.kind })
    span.describe(described.tags)
  }
  if (integration.onCall !== undefined) operation.attempt(() => integration.onCall?.(span, call))
  return operation
}

/** A class, since every call makes one: its methods cost nothing until they are used. */
class LiveOperation<Call, Result> implements Operation<Result> {
  readonly span: Span
  readonly #integration: Integration<Call, Result>
  readonly #report: Report
  deferred = false
  #ended = false

  constructor(span: Span, integration: Integration<Call, Result>, report: Report) {
    this.span = span
    this.#integration = integration
    this.#report = report
  }

  get headers(): Readonly<Record<string, string>> {
    return this.span.tracer().headersOf(this.span)
  }

  get context(): Propagated {
    return this.span.context()
  }

  learn(more: Learned): void {
    learn(this.span, more)
  }

  learnOfInvocation(more: Learned): void {
    const sink = this.span.context().segment?.sink
    const root = sink && this.span.tracer().scopeManager.invocations.get(sink)
    if (root !== undefined) learn(root, more)
  }

  defer(): End<Result> {
    this.deferred = true
    return (error, result) => this.end(error, result)
  }

  pause(error?: unknown, tags: Tags = {}): () => void {
    const { span } = this
    const atMs = span.startUs / 1000 + span.duration
    const giveUp = () => {
      span.describe(tags)
      this.end(error, undefined, atMs)
    }
    span.endsBy(giveUp)
    return giveUp
  }

  end(error?: unknown, result?: Result, atMs?: number): void {
    if (this.#ended) return
    this.#ended = true
    const { span } = this
    const integration = this.#integration
    if (error !== undefined && error !== null) {
      let told: { error: unknown; tags?: Tags } = { error: "unknown" }
      this.attempt(() => (told = integration.tell?.(error) ?? { error }))
      span.fail(told.error)
      if (told.tags !== undefined) span.describe(told.tags)
    }
    if (result !== undefined && integration.tagsOf !== undefined) this.attempt(() => span.describe(integration.tagsOf?.(result) ?? {}))
    if (integration.onResult !== undefined) this.attempt(() => integration.onResult?.(span, result, error))
    span.finish(atMs)
  }

  attempt(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.mistake(error)
    }
  }

  mistake(error: unknown): void {
    this.span.setTag("instrumentation_error", true)
    this.#report("instrumentation", `integration ${this.#integration.name} failed: ${String(error)}. The call was not touched.`)
  }
}

function learn(span: Span, { operationName, kind, tags, log }: Learned): void {
  if (operationName !== undefined) span.setOperationName(operationName)
  if (kind !== undefined) span.setTag("span.kind", kind)
  if (tags !== undefined) span.describe(tags)
  if (log !== undefined) span.log(log as Record<string, unknown>)
}

function referenceTo(tracer: Tracer, carrier: unknown): Reference[] {
  const context = tracer.extract("http_headers", carrier)
  return context === null ? [] : [{ type: () => "follows_from", referencedContext: () => context } as unknown as Reference]
}

function run<T, Call, Result>(operation: LiveOperation<Call, Result>, call: (operation: Operation<Result>) => T): T {
  let returned: T
  try {
    returned = call(operation)
  } catch (error) {
    operation.end(error ?? "thrown")
    throw error
  }
  if (operation.deferred) return returned
  return observeValue(returned, {
    returned: (value) => operation.end(undefined, value as Result) as undefined,
    threw: (error) => operation.end(error ?? "rejected") as undefined,
  })
}
