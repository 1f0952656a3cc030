import { readVariables } from "./variables.ts"
import { createWithTracing } from "./with-tracing.ts"

/**
 * Traces a function of an edge platform: a root span for each request, a child span for each `fetch`, delivered through the
 * platform's `waitUntil` once the answer has been sent. Takes a `(request, …) => Response`, or an object with such a `fetch`.
 *
 * @param options configure the tracer; or a function that gives them for the environment of an invocation.
 */
export const withTracing: ReturnType<typeof createWithTracing> = createWithTracing(readVariables)
