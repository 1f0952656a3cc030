import type { Post } from "../../exporters/otlp.ts"
import { isWorkerd, nativeFetch } from "./runtime.ts"

/**
 * Sends with the runtime's own `fetch`. The answer is read to its end: an unread body keeps its connection.
 *
 * In workerd a timer and its signal cost a fifth of the whole delivery, and the runtime ends what hangs by itself, 30 seconds
 * after the answer. So the first hanging request there is the runtime's; once one has hung or failed, the next are bounded by us
 * until one gets through.
 */
export function createPost(url: string, headers: Readonly<Record<string, string>>): Post {
  const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, redirect: "manual" } as const
  let healthy = isWorkerd
  let unanswered = 0
  let unansweredSinceMs = 0

  return async (body, boundMs) => {
    const nowMs = Date.now()
    if (unanswered > 0 && nowMs - unansweredSinceMs > boundMs) {
      healthy = false
      unanswered = 0
    }
    if (unanswered++ === 0) unansweredSinceMs = nowMs
    const bound = healthy ? undefined : new AbortController()
    const timer = bound && setTimeout(() => bound.abort(new Error(`no answer within ${Math.round(boundMs)} ms`)), boundMs)
    try {
      const response = await nativeFetch(url, { ...init, body, ...(bound && { signal: bound.signal }) })
      const text = await response.text()
      healthy = isWorkerd
      return { status: response.status, retryAfterMs: retryAfterMs(response), body: text }
    } catch (error) {
      healthy = false
      throw error
    } finally {
      clearTimeout(timer)
      unanswered = Math.max(0, unanswered - 1)
      unansweredSinceMs = Date.now()
    }
  }
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfterMs({ status, headers }: Response): number | undefined {
  const value = status === 429 || status === 503 ? headers.get("retry-after") : null
  if (value === null) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
