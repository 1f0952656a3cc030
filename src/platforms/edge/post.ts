import type { Post } from "../../exporters/otlp.ts"
import { state } from "./state.ts"

/** Sends with the runtime's own `fetch`. The answer is read to its end: an unread body keeps its connection. */
export function createPost(url: string, headers: Readonly<Record<string, string>>): Post {
  const { fetch } = state
  const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, redirect: "manual" } as const
  return async (body, boundMs) => {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(new Error(`no answer within ${Math.round(boundMs)} ms`)), boundMs)
    try {
      const response = await fetch(url, { ...init, body, signal: controller.signal })
      return { status: response.status, retryAfterMs: retryAfterMs(response), body: await response.text() }
    } finally {
      clearTimeout(timer)
    }
  }
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfterMs({ status, headers }: Response): number | undefined {
  if (status !== 429 && status !== 503) return undefined
  const value = headers.get("retry-after")
  if (value === null) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
