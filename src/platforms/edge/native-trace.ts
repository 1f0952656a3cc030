import { isSpanContext, SpanContext } from "../../core/context.ts"

interface NativeTracing {
  getActiveSpan?(): { spanContext?(): unknown } | null | undefined
}

/** Whether this runtime can say which of its own spans is active; found out with the first context. */
let speaks: boolean | undefined

/** Cloudflare's own trace of this invocation, where it makes one and tells: ours is then a part of it. */
export function nativeParent(context: unknown): SpanContext | undefined {
  if (speaks === false || context === null || typeof context !== "object") return undefined
  try {
    const { tracing } = context as { tracing?: NativeTracing }
    speaks ??= typeof tracing?.getActiveSpan === "function"
    const native = tracing?.getActiveSpan?.()?.spanContext?.()
    return isSpanContext(native) && !/^0*$/.test(native.traceId) ? new SpanContext(native) : undefined
  } catch {
    return undefined
  }
}
