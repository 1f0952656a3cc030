import type { Exporter, SpanRecord, TagValue } from "../../core/contracts.ts"
import type { Span } from "../../core/span.ts"
import type { StartOptions, TracerSetup } from "../../core/span-maker.ts"
import { Tracer } from "../../core/tracer.ts"
import { isWorkerd } from "./runtime.ts"

/** What the edge adds to a tracer: what happens to spans before they leave, and where context may go. */
export interface EdgePolicy {
  /** Tail sampling: whether the spans of an invocation, its root among them, are sent. Asked once for each invocation. */
  readonly keep?: ((spans: readonly SpanRecord[]) => boolean) | undefined
  /** Redaction: gives the value to send for a tag, or `undefined` to leave it out. */
  readonly redact?: ((key: string, value: TagValue, span: SpanRecord) => TagValue | undefined) | undefined
  /** Which URLs get our headers; default: all. */
  readonly propagateTo?: ((url: string) => boolean) | undefined
  /** Bindings of queues whose messages carry the trace, in an envelope that our consumer takes off again. */
  readonly queues?: readonly string[] | undefined
  /** Bindings whose RPC methods get the trace as one more argument, which our receiver takes off again. */
  readonly rpc?: readonly string[] | undefined
  /** An exporter of the user's own: its calls must not be traced. */
  readonly exporter?: Exporter | undefined
  /** Cross-request batching: spans wait in the isolate until there are so many; what an evicted isolate still has is lost. */
  readonly linger?: { readonly spans: number; readonly ms: number } | undefined
}

let started = 0

export class EdgeTracer extends Tracer {
  readonly policy: EdgePolicy
  /** Spans that linger for more. */
  lingering: SpanRecord[] = []
  lingeringSinceMs = 0

  constructor(setup: TracerSetup & { readonly exporter: Exporter | undefined }, policy: EdgePolicy) {
    super(setup)
    this.policy = policy
  }

  /** On a clock that stands still, siblings start at the same time: the order tells them apart. */
  override startSpan(name: string, options?: StartOptions): Span {
    const span = super.startSpan(name, options)
    if (isWorkerd) span.tags.set("antifreeze.order", ++started)
    return span
  }
}
