import { followByReader } from "./body-reader.ts"
import type { Followable } from "./context.ts"
import { elsewhere } from "./runtime.ts"

/** Vercel keeps the context of a request here, for `waitUntil` of @vercel/functions. */
const VERCEL = Symbol.for("@vercel/request-context")

interface VercelGlobal {
  [VERCEL]?: { get?(): Partial<Followable> | undefined }
}

/** For the entries that run in other runtimes than workerd. */
export function prepareElsewhere(): void {
  elsewhere.follow = followByReader
  elsewhere.context = () => (globalThis as VercelGlobal)[VERCEL]?.get?.()
}
