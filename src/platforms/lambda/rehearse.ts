import { invoke } from "../../core/invoke.ts"
import type { Tracer } from "../../core/tracer.ts"
import { invocationTags, triggerOf } from "./trigger.ts"

/** The kind of event whose client waits. */
const REQUEST = { routeKey: "GET /", headers: {}, requestContext: { http: { method: "GET" } } }

/**
 * Runs an invocation that leaves nothing behind. V8 compiles a function when it is first called: better here, while Lambda
 * answers the registration and there is nothing else to do, than while the first client waits.
 */
export function rehearse(tracer: Tracer): void {
  try {
    const settle = (take: () => unknown) => void take() as undefined
    invoke({ tracer, id: "", trigger: triggerOf(REQUEST, undefined), tags: invocationTags(undefined), settle }, () => undefined)
  } catch {
    // Whatever fails here will be caught and reported where it matters.
  }
}
