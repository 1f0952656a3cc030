import type { End, Integration, Operation, Tags, Trace } from "./contracts.ts"
import { observeValue } from "./observe.ts"
import type { Report } from "./report.ts"
import type { ScopeManager } from "./scope.ts"
import type { Span } from "./span.ts"
import type { Tracer } from "./tracer.ts"

/** What an operation is where nothing is traced. */
const INERT: Operation<unknown> = { headers: Object.freeze({}), defer: () => () => {} }

/**
 * The only way to a child span. The span covers `run`: until it returns, until its promise settles, or, once `defer()`
 * was called, until the callback that it gave is called. What `run` returns or throws reaches the caller untouched.
 */
export function traceFor<Call, Result>(
  scopeManager: ScopeManager,
  integration: Integration<Call, Result>,
  report: Report,
): Trace<Call, Result> {
  return (call, callee) => {
    const parent = scopeManager.active?.span
    if (parent === undefined) return callee(INERT as Operation<Result>)
    const operation = startOperation(parent.tracer(), integration, call, report)
    if (operation === undefined) return callee(INERT as Operation<Result>)
    return scopeManager.run(operation.span, () => run(operation, callee))
  }
}

interface LiveOperation<Result> extends Operation<Result> {
  readonly span: Span
  readonly end: End<Result>
  deferred: boolean
}

function startOperation<Call, Result>(
  tracer: Tracer,
  integration: Integration<Call, Result>,
  call: Call,
  report: Report,
): LiveOperation<Result> | undefined {
  try {
    const span = tracer.startSpan(integration.name)
    const mistake = (error: unknown) => {
      span.setTag("instrumentation_error", true)
      report("instrumentation", `integration ${integration.name} failed: ${String(error)}. The call itself was not touched.`)
    }
    try {
      const { operationName, kind, tags } = integration.describe(call)
      span
        .setOperationName(operationName)
        .setTag("span.kind", kind)
        .addTags(tags as Record<string, unknown>)
    } catch (error) {
      mistake(error)
    }
    let ended = false
    return {
      span,
      deferred: false,
      get headers() {
        return tracer.headersOf(span)
      },
      defer() {
        this.deferred = true
        return this.end
      },
      end(error, result) {
        if (ended) return
        ended = true
        if (error !== undefined && error !== null) span.fail(error)
        if (result !== undefined) addTagsOf(span, integration.tagsOf?.bind(integration), result, mistake)
        span.finish()
      },
    }
  } catch (error) {
    report("instrumentation", `a span for ${integration.name} could not be started: ${String(error)}. The call itself was not touched.`)
    return undefined
  }
}

function addTagsOf<Result>(
  span: Span,
  tagsOf: ((result: Result) => Tags) | undefined,
  result: Result,
  mistake: (error: unknown) => void,
): void {
  try {
    if (tagsOf !== undefined) span.addTags(tagsOf(result) as Record<string, unknown>)
  } catch (error) {
    mistake(error)
  }
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
