// What of the context comes from the invocation's headers and from the environment, in the order that handlers can see.
const prefix = "lambda-runtime-"

export function fromHeaders(headers, generation, errors) {
  const deadlineMs = Number(headers[`${prefix}deadline-ms`])
  const trace = headers[`${prefix}trace-id`]
  return {
    clientContext: parsed(headers, "client-context", "ClientContext", generation, errors),
    identity: parsed(headers, "cognito-identity", "CognitoIdentity", generation, errors),
    invokedFunctionArn: headers[`${prefix}invoked-function-arn`],
    awsRequestId: headers[`${prefix}aws-request-id`],
    tenantId: headers[`${prefix}aws-tenant-id`],
    ...(generation === 4 ? { xRayTraceId: trace } : {}),
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  }
}

export function fromEnvironment(generation) {
  const { env } = process
  const name = { functionName: env.AWS_LAMBDA_FUNCTION_NAME }
  const version = { functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION }
  return {
    ...(generation === 3 ? { ...version, ...name } : { ...name, ...version }),
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
  }
}

/** The X-Ray SDK and ours read the trace header there. */
export function publishTrace(headers) {
  const trace = headers[`${prefix}trace-id`]
  if (trace) process.env._X_AMZN_TRACE_ID = trace
  else delete process.env._X_AMZN_TRACE_ID
}

function parsed(headers, header, name, generation, errors) {
  const text = headers[prefix + header]
  if (text === undefined || (generation === 4 && !text)) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    if (generation === 3) throw new Error(`Cannot parse ${name} as json: ${error}`)
    throw new errors.PlatformError(`Failed to parse ${prefix}${header} as JSON: ${error.message}`)
  }
}
