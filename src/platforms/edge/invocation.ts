import { Batch, type Sink } from "../../core/batch.ts"
import type { SpanContext } from "../../core/context.ts"
import type { Cause, LinkRecord, SpanRecord, Tags, TagValue, Trigger } from "../../core/contracts.ts"
import type { Span } from "../../core/span.ts"
import type { StartOptions } from "../../core/span-maker.ts"
import type { Tie } from "./context.ts"
import { deliver } from "./delivery.ts"
import type { EdgeTracer } from "./edge-tracer.ts"
import { nativeParent } from "./native-trace.ts"
import { state } from "./state.ts"
import { isAsync } from "./storage.ts"

export interface InvocationOptions {
  readonly tracer: EdgeTracer
  readonly trigger: Trigger
  readonly tie: Tie
  /** Of an invocation in several pieces, none of which sees the whole: tail sampling does not ask about it. */
  readonly own?: Identity
}

/** What a root span that is made more than once has to be made with. */
export type Identity = Required<Pick<StartOptions, "traceId" | "spanId" | "startTime">>

/** One invocation, from its root span to its last delivery. All of its state is in here and goes with it. */
export interface Invocation {
  readonly root: Span
  /** Runs `call` with the root span active. */
  run<T>(call: () => T): T
  /** The spans of this task belong to the invocation: the delivery waits for it. */
  follow(task: Promise<unknown>): void
  /** The answer is complete. Nothing is tagged or delivered twice. */
  end(tags?: Tags, error?: { readonly error: unknown }): void
  /** Sends what has finished so far; for an invocation that may never get to its end. */
  checkpoint(): void
}

/** How long a delivery waits for tasks that outlive the answer. Cloudflare ends them 30 seconds after it, so a second batch still fits in. */
const TASKS_MS = 20_000
/** Spans that start when all is over are sent as they come, so often at most: each batch is a subrequest. */
const MAX_LATE_BATCHES = 10

/** Only for a runtime that cannot tell by itself: an entry for each request is felt in the processor time. */
const roots = new WeakMap<object, Span>()

type RootedBatch = Batch & { root?: Span }

/** The root span of the invocation that this request or context belongs to: the explicit parent, where the runtime has no AsyncLocalStorage. */
export function rootSpan(of: object): Span | undefined {
  return roots.get(of) ?? (state.scopeManager.active?.span.context().segment?.sink as RootedBatch | undefined)?.root
}

export function openInvocation({ tracer, trigger, tie, own }: InvocationOptions, ...known: readonly unknown[]): Invocation {
  const batch: RootedBatch = new Batch(tracer.limits)
  const root = startRoot(tracer, trigger, batch, own ?? {}, known.at(-1))
  batch.root = root
  if (!isAsync()) for (const each of known) if (each !== null && typeof each === "object") roots.set(each, root)
  const late = createLate((spans) => deliver(tracer, choose(spans)), stay)
  let kept: boolean | undefined = own && true
  let tasks = 0
  let ended = false
  let idle = () => {}

  return {
    root,
    run: (call) => tracer.scopeManager.run(root, call),
    follow(task) {
      tasks++
      task.then(done, done)
    },
    end(tags, failure) {
      if (ended) return
      ended = true
      if (tags !== undefined) root.addTags(tags as Record<string, unknown>)
      if (failure !== undefined) root.fail(failure.error)
      root.finish()
      if (tasks === 0) close()
      else stay(whenIdle())
    },
    checkpoint: () => send(batch.take()),
  }

  function done(): void {
    // A task may add another one as its last act.
    if (--tasks === 0) queueMicrotask(() => tasks === 0 && idle())
  }

  /** 1. All tasks are done in time: one batch. 2. They are not: what has finished goes out now, the rest when they are. */
  async function whenIdle(): Promise<void> {
    const wait = () => new Promise<void>((resolve) => (idle = resolve))
    const timer = setTimeout(() => idle(), TASKS_MS)
    await wait()
    clearTimeout(timer)
    if (tasks > 0) {
      const rest = wait()
      await deliver(tracer, choose(batch.take()))
      await rest
    }
    const delivery = deliver(tracer, choose(batch.close(late)))
    tie = tie.release()
    await delivery
  }

  function close(): void {
    send(batch.close(late))
    tie = tie.release()
  }

  function send(spans: SpanRecord[]): void {
    const task = deliver(tracer, choose(spans))
    if (task !== undefined) stay(task)
  }

  function stay(task: Promise<unknown>): void {
    try {
      tie.waitUntil(task)
    } catch (error) {
      state.report("delivery", `the invocation was over before its delivery: ${String(error)}.`)
    }
  }

  function choose(spans: SpanRecord[]): SpanRecord[] {
    const { keep } = tracer.policy
    if (keep === undefined || spans.length === 0) return spans
    try {
      kept ??= keep(spans)
    } catch (error) {
      kept = true
      state.report("config", `keep failed: ${String(error)}. The spans are sent.`)
    }
    return kept ? spans : []
  }
}

function startRoot(
  tracer: EdgeTracer,
  { operationName, kind, tags, carrier, causes }: Trigger,
  sink: Sink,
  own: Partial<Identity>,
  context: unknown,
): Span {
  return tracer.startSpan(operationName, {
    ...own,
    childOf: (carrier === undefined ? undefined : tracer.extract("http_headers", carrier)) ?? nativeParent(context),
    links: causes?.flatMap((cause) => linkTo(tracer, cause)) ?? [],
    ignoreActiveSpan: true,
    sink,
    tags: { "span.kind": kind, ...tags },
  })
}

function linkTo(tracer: EdgeTracer, { carrier, tags = {} }: Cause): LinkRecord[] {
  const context = tracer.extract("http_headers", carrier) as SpanContext | null
  if (context === null) return []
  const { traceId, spanId, traceFlags, traceState } = context
  return [{ traceId, spanId, traceFlags, traceState, tags: new Map(Object.entries(tags as Record<string, TagValue>)) }]
}

/** Sends, one at a time, what finishes after the last delivery of its invocation. */
function createLate(send: (spans: SpanRecord[]) => Promise<unknown> | undefined, stay: (task: Promise<unknown>) => void): Sink {
  let finished: SpanRecord[] = []
  let batches = 0
  const late: Sink = {
    owner: undefined,
    started: () => batches < MAX_LATE_BATCHES,
    finished(span) {
      if (finished.push(span) === 1) stay(Promise.resolve().then(() => send(late.take())))
    },
    take() {
      batches++
      const spans = finished
      finished = []
      return spans
    },
  }
  return late
}
