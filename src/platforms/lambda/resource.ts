import type { TagValue } from "../../core/contracts.ts"

type Env = Readonly<Record<string, string | undefined>>

/** OpenTelemetry, "FaaS resource" and "AWS Lambda resource", from the environment variables that Lambda sets. */
export function lambdaResource(env: Env): [string, TagValue][] {
  const name = env["AWS_LAMBDA_FUNCTION_NAME"]
  if (name === undefined) return []
  const memoryMb = Number(env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
  const found: [string, TagValue | undefined][] = [
    ["service.name", name],
    ["cloud.provider", "aws"],
    ["cloud.platform", "aws_lambda"],
    ["cloud.region", env["AWS_REGION"]],
    ["faas.name", name],
    ["faas.version", env["AWS_LAMBDA_FUNCTION_VERSION"]],
    ["faas.instance", env["AWS_LAMBDA_LOG_STREAM_NAME"]],
    ["faas.max_memory", memoryMb > 0 ? memoryMb * 1024 * 1024 : undefined],
    ["aws.log.group.names", env["AWS_LAMBDA_LOG_GROUP_NAME"] ? [env["AWS_LAMBDA_LOG_GROUP_NAME"]] : undefined],
    ["aws.log.stream.names", env["AWS_LAMBDA_LOG_STREAM_NAME"] ? [env["AWS_LAMBDA_LOG_STREAM_NAME"]] : undefined],
  ]
  return found.filter((pair): pair is [string, TagValue] => pair[1] !== undefined)
}
