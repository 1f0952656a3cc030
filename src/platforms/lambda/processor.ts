/** Lambda, "Configure Lambda function memory": what one processor goes with, in MB. */
const WHOLE_MB = 1769

/**
 * The share of a processor that an invocation has, by the function's memory: at most 1. Init has a whole one, whatever the memory
 * (AWS Lambda Web Adapter, "Async Initialization").
 */
export function processorShare(): number {
  return (share ??= Math.min(1, Number(process.env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] || WHOLE_MB) / WHOLE_MB) || 1)
}

let share: number | undefined
