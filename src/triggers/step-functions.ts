import { contextIn } from "./_context.ts"
import { invoking, nameOf, type Recognise, traceIdOf } from "./_event.ts"

/** The parts of the context object ("$$") that are handed to a task. */
interface Machine {
  readonly Execution?: { readonly Id?: string }
  readonly State?: { readonly Name?: string; readonly RetryCount?: number }
  readonly StateMachine?: { readonly Id?: string }
}

/** A task of Step Functions whose input is the context object, or has it under `Context` or `_context`. */
export const stepFunctionsTrigger: Recognise = (event, functionName) => {
  const machine = [event, event["Context"], event["_context"]].find(
    (part) => typeof (part as Machine | undefined)?.Execution?.Id === "string",
  ) as Machine | undefined
  if (machine?.State === undefined || machine.StateMachine === undefined) return undefined
  const tags = {
    "aws.step_functions.state_machine.arn": machine.StateMachine.Id,
    "aws.step_functions.state_machine.name": nameOf(machine.StateMachine.Id),
    "aws.step_functions.execution.arn": machine.Execution?.Id,
    "aws.step_functions.state.name": machine.State.Name,
    "aws.step_functions.retry_count": machine.State.RetryCount,
  }
  return invoking(functionName, "other", tags, { carrier: contextIn(event) ?? {}, traceId: traceIdOf(String(machine.Execution?.Id)) })
}
