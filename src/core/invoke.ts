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
export function invoke<T>(options: InvokeOptions, run: (invocation: Invocation) => T): T {
  const invocation = new LiveInvocation(options)
  return options.tracer.scopeManager.run(invocation.root, () => observe(() => run(invocation), invocation))
}

class LiveInvocation implements Invocation, Observer {
  readonly root: Span
  readonly batch: Batch
  readonly #options: InvokeOptions
  #deferred = false
  #finished = false

  constructor(options: InvokeOptions) {
    const { tracer, id, trigger, tags } = options
    const batch = new Batch(tracer.limits, id)
    const root = tracer.startSpan(trigger.operationName, { ...causesOf(tracer, trigger), ignoreActiveSpan: true, sink: batch })
    root.describe({ "span.kind": trigger.kind })
    root.describe(tags)
    root.describe(trigger.tags)
    tracer.scopeManager.invocations.set(batch, root)
    this.#options = options
    this.batch = batch
    this.root = root
  }

  defer(): Observer {
    this.#deferred = true
    return { returned: (value) => this.#end(value), threw: (error) => this.threw(error) }
  }

  returned(value: unknown): Promise<unknown> | undefined {
    return this.#deferred ? undefined : this.#end(value)
  }

  threw(error: unknown): Promise<unknown> | undefined {
    this.root.fail(error)
    return this.#finish()
  }

  #end(value: unknown): Promise<unknown> | undefined {
    const { trigger } = this.#options
    if (trigger.tagsOf !== undefined) this.root.describe(() => trigger.tagsOf?.(value) ?? {})
    return this.#finish()
  }

  /** Once, whoever else has finished the root span: the platform may be holding the freeze until it has settled. */
  #finish(): Promise<unknown> | undefined {
    if (this.#finished) return undefined
    this.#finished = true
    const { root, batch } = this
    const { tracer, settle } = this.#options
    if (batch.dropped > 0) root.setTag("antifreeze.dropped.limit", batch.dropped)
    root.finish()
    // Under way until somebody has its spans: the runtime may end the process before that.
    return settle(() => {
      tracer.scopeManager.invocations.delete(batch)
      return batch.close(tracer.loose)
    })
  }
}
