import type { Reference } from "opentracing"
import type { Description, End, Integration, Learned, Operation, Tags, Trace } from "./contracts.ts"
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
  const trace: Trace<Call, Result> = (call, callee) => {
    const parent = (integration.adopts && scopeManager.adopter) || scopeManager.active?.span
    if (parent === undefined) return callee(INERT as Operation<Result>)
    const operation = startOperation(parent, integration, call, report)
    if (operation === undefined) return callee(INERT as Operation<Result>)
    return scopeManager.run(operation.span, () => run(operation, callee))
  }
  return Object.assign(trace, { capture: () => scopeManager.capture() })
}

interface LiveOperation<Result> extends Operation<Result> {
  readonly span: Span
  readonly end: End<Result>
  deferred: boolean
}

function startOperation<Call, Result>(
  parent: Span,
  integration: Integration<Call, Result>,
  call: Call,
  report: Report,
): LiveOperation<Result> | undefined {
  try {
    const tracer = parent.tracer()
    let described: Description | undefined
    let flaw: unknown
    try {
      described = integration.describe(call)
    } catch (error) {
      flaw = error ?? "thrown"
    }
    const span = tracer.startSpan(described?.operationName ?? integration.name, {
      childOf: parent,
      references: described?.carriers?.flatMap((carrier) => referenceTo(tracer, carrier)) ?? [],
    })
    const mistake = (error: unknown) => {
      span.setTag("instrumentation_error", true)
      report("instrumentation", `integration ${integration.name} failed: ${String(error)}. The call itself was not touched.`)
    }
    const attempt = (step: () => void) => {
      try {
        step()
      } catch (error) {
        mistake(error)
      }
    }
    if (described === undefined) mistake(flaw)
    else span.setTag("span.kind", described.kind).addTags(described.tags as Record<string, unknown>)
    if (integration.onCall !== undefined) attempt(() => integration.onCall?.(span, call))
    let ended = false
    const end = (error?: unknown, result?: Result, atMs?: number) => {
      if (ended) return
      ended = true
      if (error !== undefined && error !== null) {
        let told: { error: unknown; tags?: Tags } = { error: "unknown" }
        attempt(() => (told = integration.tell?.(error) ?? { error }))
        span.fail(told.error)
        if (told.tags !== undefined) span.addTags(told.tags as Record<string, unknown>)
      }
      if (result !== undefined) attempt(() => span.addTags((integration.tagsOf?.(result) ?? {}) as Record<string, unknown>))
      if (integration.onResult !== undefined) attempt(() => integration.onResult?.(span, result, error))
      span.finish(atMs)
    }
    return {
      span,
      deferred: false,
      get headers() {
        return tracer.headersOf(span)
      },
      get context() {
        return span.context()
      },
      learn: (more) => learn(span, more),
      learnOfInvocation(more) {
        const sink = span.context().segment?.sink
        const root = sink && tracer.scopeManager.invocations.get(sink)
        if (root !== undefined) learn(root, more)
      },
      defer() {
        this.deferred = true
        return this.end
      },
      pause(error, tags = {}) {
        const atMs = span.startUs / 1000 + span.duration
        const giveUp = () => {
          span.addTags(tags as Record<string, unknown>)
          end(error, undefined, atMs)
        }
        span.endsBy(giveUp)
        return giveUp
      },
      end: (error, result) => end(error, result),
    }
  } catch (error) {
    report("instrumentation", `a span for ${integration.name} could not be started: ${String(error)}. The call itself was not touched.`)
    return undefined
  }
}

function learn(span: Span, { operationName, kind, tags, log }: Learned): void {
  if (operationName !== undefined) span.setOperationName(operationName)
  if (kind !== undefined) span.setTag("span.kind", kind)
  if (tags !== undefined) span.addTags(tags as Record<string, unknown>)
  if (log !== undefined) span.log(log as Record<string, unknown>)
}

function referenceTo(tracer: Tracer, carrier: unknown): Reference[] {
  const context = tracer.extract("http_headers", carrier)
  return context === null ? [] : [{ type: () => "follows_from", referencedContext: () => context } as unknown as Reference]
}

function run<T, Result>(operation: LiveOperation<Result>, call: (operation: Operation<Result>) => T): T {
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
