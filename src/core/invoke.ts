import { Batch } from "./batch.ts"
import { causesOf } from "./causes.ts"
import type { SpanRecord, Tags, Trigger } from "./contracts.ts"
import { type Observer, observe } from "./observe.ts"
import type { Span } from "./span.ts"
import type { Tracer } from "./tracer.ts"

export interface InvokeOptions {
  readonly tracer: Tracer
  /** The platform's name for this invocation; a call inside it that bears the same one is part of it. */
  readonly id: string
  readonly trigger: Trigger
  /** Tags of the root span that the platform knows. */
  readonly tags: Tags
  /** How this platform waits for the delivery: a promise holds the answer back until it settles. `take` empties the batch. */
  readonly settle: (take: () => SpanRecord[]) => Promise<unknown> | undefined
}

/** What a run knows of its invocation. */
export interface Invocation {
  readonly root: Span
  readonly batch: Batch
  /** Takes over ending, for a function that answers by other means than its return value. */
  defer(): Observer
}

/** The whole life of an invocation: root span, scope, run, finish, take the batch, hand it to `settle`. Gives what `run` gives. */
export function invoke<T>({ tracer, id, trigger, tags, settle }: InvokeOptions, run: (invocation: Invocation) => T): T {
  const batch = new Batch(tracer.limits, id)
  const root = tracer.startSpan(trigger.operationName, {
    ...causesOf(tracer, trigger),
    ignoreActiveSpan: true,
    sink: batch,
    tags: { "span.kind": trigger.kind, ...tags, ...trigger.tags },
  })
  const observer: Observer = {
    returned(value) {
      addResultTags(root, trigger, value)
      return finish()
    },
    threw(error) {
      root.fail(error)
      return finish()
    },
  }
  let deferred = false
  let finished = false
  const invocation: Invocation = {
    root,
    batch,
    defer() {
      deferred = true
      return observer
    },
  }
  const whenReturned: Observer = { returned: (value) => (deferred ? undefined : observer.returned(value)), threw: observer.threw }
  tracer.scopeManager.invocations.set(batch, root)
  return tracer.scopeManager.run(root, () => observe(() => run(invocation), whenReturned))

  /** Once, whoever else has finished the root span: the platform may be holding the freeze until it has settled. */
  function finish(): Promise<unknown> | undefined {
    if (finished) return undefined
    finished = true
    tracer.scopeManager.invocations.delete(batch)
    if (batch.dropped > 0) root.setTag("antifreeze.dropped.limit", batch.dropped)
    root.finish()
    return settle(() => batch.close(tracer.loose))
  }
}

function addResultTags(root: Span, trigger: Trigger, value: unknown): void {
  try {
    if (trigger.tagsOf !== undefined) root.addTags(trigger.tagsOf(value) as Record<string, unknown>)
  } catch {
    root.setTag("instrumentation_error", true)
  }
}
