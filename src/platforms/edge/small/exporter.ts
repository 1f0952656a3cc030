import type { Resource } from "../../../core/contracts.ts"
import { encodeTraces } from "../../../otlp/encode.ts"
import { VERSION } from "../../../version.ts"
import { createPost } from "../post.ts"
import type { SmallSpan } from "./span.ts"

/** Never rejects. */
export type SmallExporter = (spans: readonly SmallSpan[]) => Promise<unknown>

/** OTLP specification, "OTLP/HTTP Response": these answers are worth another try. */
const RETRYABLE = [429, 502, 503, 504]
const MAX_KEPT = 1_000

/** Sends over OTLP/HTTP with JSON. What could not be delivered goes out with the next invocation. */
export function createExporter(
  url: string,
  headers: Readonly<Record<string, string>>,
  resource: Resource,
  timeoutMs: number,
): SmallExporter {
  const post = createPost(url, headers)
  let kept: readonly SmallSpan[] = []
  return async (spans) => {
    const all = kept.length === 0 ? spans : [...kept, ...spans]
    kept = []
    try {
      const { status } = await post(encodeTraces(all, resource, { name: "antifreeze", version: VERSION }), timeoutMs, timeoutMs)
      if (RETRYABLE.includes(status)) kept = [...kept, ...all].slice(-MAX_KEPT)
      else if (status >= 300) console.warn(`[antifreeze] ${all.length} spans were not delivered: the endpoint answered ${status}.`)
    } catch {
      kept = [...kept, ...all].slice(-MAX_KEPT)
    }
  }
}
