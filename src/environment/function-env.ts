import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { accessSync, constants, statSync } from "node:fs"
import { dirname } from "node:path"
import type { EnvironmentOptions } from "./contracts.ts"

export const region = "us-east-1"
export const accountId = "123456789012"
export const functionVersion = "$LATEST"

export interface Place {
  functionName: string
  memoryMb: number
  tmpDir: string
  runtimeApi: string
}

/** The environment variables of the runtime: Lambda's, then the user's. AWS docs: "Defined runtime environment variables". */
export function functionEnv(options: EnvironmentOptions, place: Place): Record<string, string> {
  const { node } = options.runtime
  const major = nodeMajor(node)
  const opt = options.optRoot
  const modules = [...(opt ? [`${opt}/nodejs/node${major}/node_modules`, `${opt}/nodejs/node_modules`] : []), options.taskRoot]
  const concurrent = options.maxConcurrency !== undefined
  return {
    _HANDLER: options.handler,
    AWS_LAMBDA_RUNTIME_API: place.runtimeApi,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${major}.x`,
    AWS_LAMBDA_FUNCTION_NAME: place.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: functionVersion,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(place.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: concurrent ? "lambda-managed-instances" : "on-demand",
    ...(concurrent ? { AWS_LAMBDA_MAX_CONCURRENCY: String(options.maxConcurrency) } : {}),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${place.functionName}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${new Date().toISOString().slice(0, 10).replaceAll("-", "/")}/[$LATEST]${randomBytes(16).toString("hex")}`,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: "ASIAANTIFREEZELOCAL0",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_SESSION_TOKEN: "local",
    AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
    AWS_XRAY_DAEMON_ADDRESS: "127.0.0.1:2000",
    _AWS_XRAY_DAEMON_ADDRESS: "127.0.0.1",
    _AWS_XRAY_DAEMON_PORT: "2000",
    LAMBDA_TASK_ROOT: options.taskRoot,
    LAMBDA_RUNTIME_DIR: dirname(options.runtime.bootstrap[0] ?? node),
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    NODE_PATH: modules.join(":"),
    PATH: `${dirname(node)}:${process.env.PATH ?? "/usr/bin:/bin"}`,
    TMPDIR: place.tmpDir,
    ...options.env,
  }
}

/** The command that starts the runtime, as AWS's bootstrap script puts it together: wrapper, node, its flags, the client. */
export function runtimeCommand(options: EnvironmentOptions, memoryMb: number): [command: string, args: string[]] {
  const { node, bootstrap } = options.runtime
  const newSpaceMb = Math.floor(memoryMb / 10)
  const line = [
    node,
    "--expose-gc",
    "--max-http-header-size=81920",
    `--max-semi-space-size=${Math.floor(newSpaceMb / 2)}`,
    `--max-old-space-size=${memoryMb - newSpaceMb}`,
    ...switchedOff(nodeMajor(node), options.env?.NODE_OPTIONS ?? ""),
    ...(options.nodeFlags ?? []),
    ...bootstrap,
  ] as const
  const wrapper = options.env?.AWS_LAMBDA_EXEC_WRAPPER
  if (!wrapper) return [line[0], line.slice(1)]
  const fault = wrapperFault(wrapper)
  return fault ? ["/bin/sh", ["-c", `echo "$0: ${fault[0]}"; exit ${fault[1]}`, wrapper]] : [wrapper, [...line]]
}

/** AWS docs, "Building Lambda functions with Node.js": on Node 22 these are off unless NODE_OPTIONS asks for them. */
function switchedOff(major: number, nodeOptions: string): string[] {
  if (major !== 22) return []
  return ["require-module", "detect-module"]
    .filter((feature) => !nodeOptions.includes(`--experimental-${feature}`))
    .map((feature) => `--no-experimental-${feature}`)
}

function wrapperFault(wrapper: string): [message: string, exitStatus: number] | undefined {
  if (!statSync(wrapper, { throwIfNoEntry: false })?.isFile()) return ["does not exist", 127]
  try {
    accessSync(wrapper, constants.X_OK)
    return undefined
  } catch {
    return ["is not an executable", 126]
  }
}

const versions = new Map<string, string>([[process.execPath, process.versions.node]])

/** Such as `24.21.0`. */
export function nodeVersion(node: string): string {
  let version = versions.get(node)
  if (version === undefined) {
    try {
      version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim().slice(1)
    } catch (cause) {
      throw new Error(`[antifreeze] ${node} is not a Node.js binary. Give the path of one.`, { cause })
    }
    versions.set(node, version)
  }
  return version
}

export function nodeMajor(node: string): number {
  return Number.parseInt(nodeVersion(node), 10)
}
