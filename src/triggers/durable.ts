import { contextIn } from "./_context.ts"
import { invoking, type Recognise, traceIdOf } from "./_event.ts"

interface DurableEvent {
  readonly DurableExecutionArn?: unknown
  readonly InitialExecutionState?: {
    readonly Operations?: readonly ({ readonly ExecutionDetails?: { readonly InputPayload?: unknown } } | null)[]
  }
}

/** A durable function: invoked anew after every wait and for every replay. All of an execution is one trace. */
export const durableTrigger: Recognise = (event, functionName) => {
  const { DurableExecutionArn: arn, InitialExecutionState: state } = event as DurableEvent
  if (typeof arn !== "string" || state === undefined) return undefined
  const operations = state.Operations ?? []
  const tags = { "aws.lambda.durable_execution.arn": arn, "aws.lambda.durable_execution.is_replay": operations.length > 1 }
  const input = operations[0]?.ExecutionDetails?.InputPayload
  const context = typeof input === "string" && input.includes("_traceContext") ? contextIn(JSON.parse(input)) : undefined
  return invoking(functionName, "other", tags, { carrier: context ?? {}, traceId: traceIdOf(arn) })
}
