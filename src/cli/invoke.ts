import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import type { EnvironmentOptions, Invocation, Runtime } from "../environment/contracts.ts"
import { openEnvironment } from "../environment/environment.ts"
import { nodeVersion } from "../environment/function-env.ts"
import { awsRuntime, ownRuntime } from "../environment/runtimes.ts"
import { type Command, numberOf, readArguments, UsageError } from "./_arguments.ts"
import { type Destination, elsewhere, openDestination } from "./_destination.ts"
import { warn } from "./_warn.ts"
import { PORT } from "./dev.ts"

/** The oldest Node that is traced. */
const FLOOR = [22, 15] as const

/** `antifreeze invoke`. Resolves with 1 when an invocation failed. */
export const invoke: Command = {
  usage: `Usage: antifreeze invoke FILE.handler [--event FILE]

Runs a function in a local Lambda execution environment, frozen between invocations as on AWS, and draws its traces.
The function gets the shell's OTEL_* and ANTIFREEZE_* variables. Where no endpoint is among them, its spans go to
antifreeze dev, if that runs, and else are drawn here after each invocation.

  FILE.handler       the handler, as in Lambda's setting: index.handler, src/orders.create
  --event FILE       the event as JSON; - reads standard input (default: {})
  --root FOLDER      the folder of the function's code (default: .)
  --node PATH        the Node.js to run it on, traced from ${FLOOR.join(".")} on (default: this one)
  --runtime FOLDER   an installed aws-lambda-ric to run it with (default: our own client)
  --memory MB        128 to 10240; below 1769, CPU in proportion (default: 1769)
  --timeout S        seconds (default: 3)
  --env NAME=VALUE   an environment variable; may be repeated
  --times N          invocations, one after the other (default: 1)
  --port N           where antifreeze dev runs, if it does (default: ${PORT})
`,
  async run(argv) {
    const order = read(argv)
    const { env = {}, runtime } = order.options
    const destination = isTraced(nodeVersion(runtime.node)) ? await openDestination(env, order.port) : elsewhere(env)
    let failed = true
    let drewAll = true
    try {
      failed = await invokeAll(order, destination)
    } finally {
      drewAll = await destination.close()
    }
    if (!failed && !drewAll) warn("no span came: the handler is not wrapped by withTracing, or not sampled.")
    return failed ? 1 : 0
  },
}

function isTraced(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  if (major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1])) return true
  warn(`Node ${version} is older than ${FLOOR.join(".")}: the function runs untraced. Give a newer one with --node PATH.`)
  return false
}

interface Order {
  options: EnvironmentOptions
  event: Buffer
  times: number
  port: number
}

/** True when one has failed. */
async function invokeAll({ options, event, times }: Order, { variables, draw }: Destination): Promise<boolean> {
  const environment = openEnvironment({ ...options, env: variables })
  // The runtime is in a process group of its own, which ctrl-C does not reach.
  const stop = (): void => void environment.close().then(() => process.exit(130))
  process.once("SIGINT", stop)
  let failed = false
  try {
    for (let count = 0; count < times; count++) {
      const invocation = await environment.invoke(event)
      failed ||= invocation.functionError !== undefined
      process.stdout.write(`${count > 0 ? "\n" : ""}${report(invocation)}`)
      draw()
    }
  } finally {
    process.removeListener("SIGINT", stop)
    await environment.close()
  }
  return failed
}

function read(argv: string[]): Order {
  const { values, positionals } = readArguments(argv, flags)
  const [handler, ...rest] = positionals
  if (!handler) throw new UsageError("no handler given. Say which one: antifreeze invoke index.handler")
  if (rest.length) throw new UsageError(`too many arguments: ${rest.join(" ")}. Give one handler.`)
  const ours = Object.entries(process.env as Record<string, string>).filter(([name]) => /^(OTEL|ANTIFREEZE)_/.test(name))
  const options: EnvironmentOptions = {
    handler: handler.replace(/^\.\//, ""),
    taskRoot: resolve(values.root),
    runtime: runtimeOf(values.node, values.runtime),
    memoryMb: numberOf("--memory", values.memory, 128, 10_240),
    timeoutMs: numberOf("--timeout", values.timeout, 0.001, 900) * 1000,
    env: Object.fromEntries([...ours, ...values.env.map(variable)]),
    // On Lambda, \r stands for the line ends within an entry.
    onLog: (line, stream) => process[stream].write(`  | ${line.replaceAll("\r", "\n  |   ")}\n`),
  }
  requireFile(options)
  return {
    options,
    event: eventOf(values.event),
    times: numberOf("--times", values.times, 1, 1_000_000),
    port: numberOf("--port", values.port, 1, 65_535),
  }
}

const flags = {
  event: { type: "string" },
  root: { type: "string", default: "." },
  node: { type: "string" },
  runtime: { type: "string" },
  memory: { type: "string", default: "1769" },
  timeout: { type: "string", default: "3" },
  times: { type: "string", default: "1" },
  port: { type: "string", default: PORT },
  env: { type: "string", multiple: true, default: [] as string[] },
} as const

function runtimeOf(node: string | undefined, client: string | undefined): Runtime {
  const path = node === undefined ? process.execPath : resolve(node)
  if (!existsSync(path)) throw new UsageError(`--node ${node} does not exist. Give the path of a Node.js binary.`)
  return client === undefined ? ownRuntime(path) : awsRuntime(resolve(client), path)
}

function variable(text: string): [string, string] {
  const at = text.indexOf("=")
  if (at <= 0) throw new UsageError(`--env ${text} has no value. Give NAME=VALUE.`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function eventOf(file: string | undefined): Buffer {
  if (file === undefined) return Buffer.from("{}")
  const name = file === "-" ? "standard input" : file
  let event: Buffer
  try {
    event = readFileSync(file === "-" ? 0 : file)
  } catch (error) {
    throw new UsageError(
      `--event ${file} cannot be read (${(error as NodeJS.ErrnoException).code}). Give a file with JSON, or - for standard input.`,
    )
  }
  try {
    JSON.parse(event.toString())
  } catch (error) {
    throw new UsageError(`the event in ${name} is not JSON: ${(error as Error).message}. Correct it.`)
  }
  return event
}

/** A handler that cannot be found is better said here than by an init error. Lambda cuts the file's name at the first dot of the last part. */
function requireFile({ handler, taskRoot }: EnvironmentOptions): void {
  const [, base] = /^((?:.*\/)?[^/.]+)\.[^/]+$/.exec(handler) ?? []
  if (!base) throw new UsageError(`${handler} is not a handler. Give FILE.export, such as index.handler.`)
  const tried = ["", ".js", ".mjs", ".cjs"].map((extension) => base + extension)
  if (tried.some((file) => existsSync(resolve(taskRoot, file)))) return
  const source = existsSync(resolve(taskRoot, `${base}.ts`)) ? ` Lambda does not run ${base}.ts: bundle it first.` : ""
  throw new UsageError(
    `${taskRoot} has no ${base}.js, .mjs or .cjs for the handler ${handler}.${source || " Check the name, or give the folder with --root."}`,
  )
}

function report({ requestId, functionError, reset, payload, ...took }: Invocation): string {
  const ms = (value: number | undefined): string => (value === undefined ? "-" : `${value.toFixed(1)} ms`)
  const times = [
    took.coldStart && `init ${ms(took.initMs)}`,
    `response ${ms(took.responseMs)}`,
    took.streaming && `first byte ${ms(took.firstByteMs)}`,
    `held after response ${ms(took.heldMs)}`,
    `billed ${took.billedMs} ms`,
  ]
  const state = functionError ? `failed: ${functionError}` : "ok"
  const ending = reset && reset !== functionError ? `  the environment was reset afterwards: ${reset}\n` : ""
  return `${requestId} ${state}\n  ${times.filter(Boolean).join(", ")}\n${ending}${payload}\n`
}
