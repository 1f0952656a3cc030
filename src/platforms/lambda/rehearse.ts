import { invoke } from "../../core/invoke.ts"
import type { Tracer } from "../../core/tracer.ts"
import { httpClient } from "../node/http-clients.ts"
import { invocationTags, triggerOf } from "./trigger.ts"

/** What most functions are woken by: a request (API Gateway, payload 2.0). */
const EVENT = { requestContext: { http: { method: "GET", path: "/" } } }

/**
 * Does once, on an event that was never there, what an invocation does and a delivery encodes: V8 compiles a function when it is first
 * called, and in Init it has a whole processor for it. Nothing goes out, and nothing is kept. Garbage is made last, so that V8 collects
 * what Init has left now: 5 ms of work, which would be 20 of the first response at 512 MB.
 */
export function rehearse(tracer: Tracer): void {
  invoke({ tracer, id: "", trigger: triggerOf(EVENT, {}), tags: invocationTags({}), settle: (take) => void take() }, ({ batch }) => {
    tracer.startSpan("").finish()
    tracer.exporter?.urgent?.encode(batch.spans)
    // Most functions call somebody.
    return httpClient("http")
  })
  // 64 KiB each: more than V8's first young generation holds, in pieces that it takes in there.
  for (let piece = 0; piece < 18; piece++) void new Array(8_192)
}
