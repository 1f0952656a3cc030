import type { Exporter, Propagated, ScopeStorage, SpanKind, Tags, Trigger } from "../../../core/contracts.ts"
import { baggagePropagator, traceContextPropagator } from "../../../core/propagation/w3c.ts"
import type { Life } from "../answer.ts"
import type { Tie } from "../context.ts"
import { findStorage } from "../storage.ts"
import { tellsUnderWay } from "../under-way.ts"
import { addTags, fail, finish, type SmallSpan, startSpan } from "./span.ts"

/** The active span, and where the spans of its invocation go. */
export interface Active {
  readonly span: SmallSpan
  readonly invocation: SmallInvocation
}

export interface SmallInvocation extends Life {
  follow(task: Promise<unknown>): void
  /** Starts a child of the active span; `undefined` when this trace is not recorded. */
  start(name: string, kind: SpanKind, tags: Tags): SmallSpan
  finished(span: SmallSpan): void
}

export const scopes: ScopeStorage<Active | undefined> = findStorage()
tellsUnderWay(() => scopes.getStore())

const MAX_SPANS = 500
const TASKS_MS = 20_000

/** One invocation: its spans go out when its answer is complete and its tasks are done, and what comes later by itself. */
export function openInvocation(trigger: Trigger, exporter: Exporter, tie: Tie, sampled: boolean): SmallInvocation {
  const parent = extract(trigger.carrier as Headers)
  const root = startSpan(trigger.operationName, trigger.kind, trigger.tags, parent ?? { traceFlags: sampled ? 3 : 2 }, parent !== undefined)
  let spans: SmallSpan[] = []
  let tasks = 0
  let ended = false
  let dropped = 0
  let idle = send

  const invocation: SmallInvocation = {
    run: (call) => scopes.run({ span: root, invocation }, call),
    start: (name, kind, tags) => startSpan(name, kind, tags, scopes.getStore()?.span ?? root, false),
    finished(span) {
      finish(span)
      if (spans.length < MAX_SPANS || span === root) spans.push(span)
      else dropped++
      if (ended && tasks === 0) send()
    },
    follow(task) {
      tasks++
      const done = () => queueMicrotask(() => --tasks === 0 && ended && idle())
      task.then(done, done)
    },
    end(tags, failure) {
      if (ended) return
      if (tags !== undefined) addTags(root, tags)
      if (failure !== undefined) fail(root, failure.error)
      if (dropped > 0) addTags(root, { "antifreeze.dropped_spans": dropped })
      invocation.finished(root)
      ended = true
      if (tasks === 0) return send()
      // Tasks that last longer than the platform would wait must not take these spans with them.
      stay(
        new Promise((resolve) => {
          const timer = setTimeout(() => idle(), TASKS_MS)
          idle = () => {
            clearTimeout(timer)
            idle = send
            // Not every platform takes on what it is given after the answer: what it has waits for the delivery.
            const sending = send()
            resolve(sending)
            return sending
          }
        }),
      )
    },
    checkpoint: send,
  }
  return invocation

  function send(): Promise<unknown> | undefined {
    const sent = spans
    spans = []
    const task = sent.length > 0 && (root.traceFlags & 1) === 1 ? exporter.export(sent) : undefined
    if (task !== undefined) stay(task)
    if (ended && tasks === 0) tie = tie.release()
    return task
  }

  function stay(task: Promise<unknown>): void {
    try {
      tie.waitUntil(task)
    } catch {
      // The invocation is over.
    }
  }
}

function extract(headers: Headers): (Partial<Propagated> & { traceId: string }) | undefined {
  const get = (name: string) => {
    const value = headers.get(name)
    return value === null ? [] : [value]
  }
  const names = () => [...headers.keys()]
  const found = traceContextPropagator.extract(get, names)
  return found?.traceId === undefined ? undefined : { ...baggagePropagator.extract(get, names), ...found, traceId: found.traceId }
}

/** The headers that carry a span's context to a callee. */
export function headersOf(span: SmallSpan): Record<string, string> {
  const headers: Record<string, string> = {}
  const set = (name: string, value: string) => {
    headers[name] = value
  }
  traceContextPropagator.inject(span, set)
  baggagePropagator.inject(span, set)
  return headers
}
