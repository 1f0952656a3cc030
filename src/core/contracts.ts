/** What the parts of antifreeze agree on. Types only: nothing here costs a byte at run time. */

import type { Span } from "./span.ts"

/** A tag or log value that every back end can hold. Anything else is turned into one of these by `core/span`. */
export type TagValue = string | number | boolean | readonly string[] | readonly number[] | readonly boolean[]

export type Tags = Readonly<Record<string, unknown>>

export type SpanKind = "client" | "server" | "producer" | "consumer" | "internal"

/** One finished (or still running) span, as exporters and viewers read it. OpenTracing's words; encoders translate. */
export interface SpanRecord {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  readonly parentSpanId: string | undefined
  /** Whether the parent lives in another process. */
  readonly parentIsRemote: boolean
  /** W3C trace-flags: bit 0 sampled, bit 1 random trace id (Trace Context Level 2). */
  readonly traceFlags: number
  /** W3C tracestate, ready to be sent; empty when there is none. */
  readonly traceState: string
  readonly operationName: string
  /** Microseconds since the Unix epoch. */
  readonly startUs: number
  /** Microseconds; `undefined` while the span runs. */
  readonly durationUs: number | undefined
  /** OpenTracing tags, `span.kind` and `error` among them. */
  readonly tags: ReadonlyMap<string, TagValue>
  readonly logs: readonly LogRecord[]
  /** References other than the parent. */
  readonly links: readonly LinkRecord[]
  /** What the limits left out. */
  readonly dropped: { readonly tags: number; readonly logs: number; readonly links: number }
}

export interface LogRecord {
  /** Microseconds since the Unix epoch. */
  readonly timeUs: number
  readonly fields: ReadonlyMap<string, TagValue>
}

export interface LinkRecord {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly traceState: string
  readonly tags: ReadonlyMap<string, TagValue>
}

/** What emits the spans: `service.name`, `faas.name`, `cloud.region`, … (OpenTelemetry resource attributes). */
export type Resource = ReadonlyMap<string, TagValue>

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  wallMs(): number
  /** Milliseconds on a clock that never goes back. */
  monotonicMs(): number
}

export interface IdSource {
  /** 32 lower-case hex digits, never all zero. */
  traceId(): string
  /** 16 lower-case hex digits, never all zero. */
  spanId(): string
}

/** The part of AsyncLocalStorage that a scope manager needs. */
export interface ScopeStorage<T> {
  getStore(): T | undefined
  run<R>(store: T, run: () => R): R
  enterWith(store: T): void
}

export interface Limits {
  /** Most tags on a span (128). */
  readonly tags: number
  /** Most characters of a tag or log value; the rest is cut off (12,000). */
  readonly valueLength: number
  /** Most logs on a span (128). */
  readonly logs: number
  /** Most links on a span (128). */
  readonly links: number
  /** Most spans held at once (2,048). */
  readonly spans: number
  /** Most bytes of spans held at once, estimated (4 MiB). */
  readonly bytes: number
}

/** Takes finished spans out of the process. Never throws, never traced itself. */
export interface Exporter {
  /**
   * Delivers the spans, or keeps what it could not deliver for the next call.
   * Settles within its own bound, and within `deadlineMs` milliseconds where given. Never rejects.
   */
  export(spans: readonly SpanRecord[], deadlineMs?: number): Promise<Delivery>
  /** For a process that is about to end. Without it, what is not delivered by then is lost. */
  readonly urgent?: Urgent
}

/** What an exporter can do where nothing asynchronous happens any more. */
export interface Urgent {
  /** Whether anything is kept or on its way. */
  readonly pending: boolean
  /** Gives back what is kept, and what is on its way and may not arrive. */
  recall(): readonly SpanRecord[]
  /** Keeps the spans for the next call without a try; encoded they have so many bytes. */
  defer(spans: readonly SpanRecord[], bytes: number): void
  /** Where a body is posted, and how, for a thread of its own to do it. */
  target?(): Target
  /** The spans as the body of one request. */
  encode(spans: readonly SpanRecord[]): string
  /** Delivers a body before it returns, within `budgetMs`; false when that was not possible. */
  postNow(body: string, budgetMs: number): boolean
  /**
   * Delivers a body that is on disk. False: try again another time. `onSent` is called when the system has all of it. Where there is no
   * other time, within `lastMs`: it goes out whatever the endpoint has asked for.
   */
  post(body: string, options: { readonly onSent?: () => void; readonly lastMs?: number }): Promise<boolean>
}

export interface Target {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** PEM texts: `ca`, `cert`, `key`. */
  readonly tls: Readonly<Record<string, string>>
}

export interface Delivery {
  readonly delivered: number
  /** Not delivered, and given up for good. */
  readonly dropped: number
  /** Not delivered yet: goes out with the next call. */
  readonly kept: number
}

/** What crosses a process boundary. */
export interface Propagated {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly traceState: string
  readonly baggage: ReadonlyMap<string, string>
}

/** Reads and writes one wire format of trace context. */
export interface Propagator {
  /** Its name in `OTEL_PROPAGATORS`. */
  readonly name: string
  inject(context: Propagated, set: (name: string, value: string) => void): void
  /**
   * `get` finds the values of a header in any letter case, `names` gives all names in lower case. Returns only what the
   * carrier has; never throws. Without `traceFlags` the caller has left it to us whether the trace is recorded.
   */
  extract(get: (name: string) => readonly string[], names: () => readonly string[]): Partial<Propagated> | undefined
}

/** One of the records that woke the function. */
export interface Cause {
  readonly carrier: unknown
  /** Tags of the link, for example `messaging.message.id`. */
  readonly tags?: Tags
}

/** What woke the function. */
export interface Trigger {
  readonly operationName: string
  readonly kind: SpanKind
  readonly tags: Tags
  /** Headers or attributes that may carry the context of the single cause. Its `awstraceheader` is read when no propagator finds one. */
  readonly carrier?: unknown
  /** The same for each record of a batch: several causes become links, a single one is the parent. */
  readonly causes?: readonly Cause[] | undefined
  /** What else this invocation belongs to, without being caused by it. */
  readonly related?: readonly Propagated[]
  /** The trace that a root without a parent belongs to. */
  readonly traceId?: string | undefined
  /** What the result says about the invocation, for example `http.response.status_code`. Pure. */
  tagsOf?(result: unknown): Tags
}

/** What one outgoing call means. */
export interface Description {
  readonly operationName: string
  readonly kind: SpanKind
  readonly tags: Tags
  /** Headers of the messages that led to this call: they become links. */
  readonly carriers?: readonly unknown[]
}

/** Ends the operation it belongs to. The first call counts; later ones do nothing. */
export type End<Result> = (error?: unknown, result?: Result) => void

export type Learned = Partial<Description> & { readonly log?: Tags }

/** A call that is under way. */
export interface Operation<Result = unknown> {
  /** Carries the trace to the callee: `traceparent`, `tracestate`, `baggage`, … */
  readonly headers: Readonly<Record<string, string>>
  /** The context of this call, for a wire format that is no propagator's; `undefined` when nothing is traced. */
  readonly context: Propagated | undefined
  /** What became known of the call while it runs. */
  learn(more: Learned): void
  /** The same for the invocation that the call is part of. */
  learnOfInvocation(more: Learned): void
  /** Takes over ending: for callbacks, emitters, streams and events. */
  defer(): End<Result>
  /** The call has ended now, in this way, unless it is tried again: what ends it later wins. Gives what ends it so after all. */
  pause(error?: unknown, tags?: Tags): () => void
}

/** Runs `run` as a child span of the active one, or straight through when there is none. */
export interface Trace<Call, Result = unknown> {
  <T>(call: Call, run: (operation: Operation<Result>) => T): T
  /** Starts an operation that is only looked at, and gives what ends it. Cheaper: nothing runs within it, so there is no scope to open. */
  readonly begin?: (call: Call) => End<Result> | undefined
  /** Gives what runs a function in the scope that is active now: a library may call its user from the context of another. */
  readonly capture?: () => <T>(fn: () => T) => T
}

/** Teaches the tracer about one library: where its calls happen and what each one means. */
export interface Integration<Call, Result = unknown> {
  /** The npm name of the library. */
  readonly name: string
  /** Routes every call of the library through `trace`; returns undo. */
  watch(trace: Trace<Call, Result>): () => void
  /** What the call is. Pure; a throw tags the span `instrumentation_error`. */
  describe(call: Call): Description
  /** What was learned from the result. Pure. */
  tagsOf?(result: Result): Tags
  /** What may be told of an error: without the values that a server quotes. Pure; default: all of it. */
  tell?(error: unknown): { readonly error: unknown; readonly tags?: Tags }
  /** Whether a call that has lost its context belongs to the invocation under way, where there is one alone (default: false). */
  readonly adopts?: boolean
  /** The user's own look at each span, before the call and after it. A throw tags the span `instrumentation_error`. */
  onCall?(span: Span, call: Call): void
  onResult?(span: Span, result: Result | undefined, error: unknown): void
}

/** A request or a response, as far as it can be seen without reading a stream. */
export interface Message {
  /** The value, or the values, of a header; by lower-case name. */
  header(name: string): unknown
  readonly body?: () => unknown
}

/** What `antifreeze/capture` gives: the tags of what somebody has asked for, masked and bounded. Never throws. */
export interface Capture {
  requestTags(message: Message): Tags
  responseTags(message: Message): Tags
  /** For what has to keep it until then. */
  readonly wantsResponseBody: boolean
}
