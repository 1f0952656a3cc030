import { prepareElsewhere } from "./elsewhere.ts"
import { readAllVariables } from "./full-variables.ts"
import { isNodeResponse, type NodeRequest, traceNodeFunction } from "./node-function.ts"
import { createWithTracing } from "./with-tracing.ts"

prepareElsewhere()

/**
 * Traces a function of an edge platform: a root span for each request, a child span for each `fetch`, delivered through the
 * platform's `waitUntil` once the answer has been sent. Takes a `(request, …) => Response`, an object with such a `fetch`, or a
 * `(request, response)` function of Node, whose answer ends when its spans are delivered.
 *
 * @param options configure the tracer; or a function that gives them for the environment of an invocation.
 */
export const withTracing: ReturnType<typeof createWithTracing> = createWithTracing(
  readAllVariables,
  (tracerFor, [request, response], call) =>
    isNodeResponse(response) ? { value: traceNodeFunction(tracerFor, request as NodeRequest, response, call) } : undefined,
)
