import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import type { EnvironmentOptions, Invocation, Runtime } from "../environment/contracts.ts"
import { openEnvironment } from "../environment/environment.ts"
import { awsRuntime, ownRuntime } from "../environment/runtimes.ts"

const usage = `antifreeze invoke FILE.handler [--event FILE]

Runs a function in a local Lambda execution environment, frozen between invocations as on AWS.

  FILE.handler       the handler, as in Lambda's setting: index.handler, src/orders.create
  --event FILE       the event as JSON; - reads standard input (default: {})
  --root FOLDER      the folder of the function's code (default: .)
  --node PATH        the Node.js to run it on (default: this one)
  --runtime FOLDER   an installed aws-lambda-ric to run it with (default: our own client)
  --memory MB        128 to 10240; below 1769, CPU in proportion (default: 1769)
  --timeout S        seconds (default: 3)
  --env NAME=VALUE   an environment variable; may be repeated
  --times N          invocations, one after the other (default: 1)
`

/** `antifreeze invoke`. Resolves with the exit status: 1 when an invocation failed, 2 when the command line is wrong. */
export async function invoke(argv: string[]): Promise<number> {
  try {
    const command = read(argv)
    if (command) return await run(command)
    process.stdout.write(usage)
    return 0
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const hint = (error as NodeJS.ErrnoException).code?.startsWith("ERR_PARSE_ARGS") ? ". See: antifreeze invoke --help" : ""
    process.stderr.write(`${message.startsWith("[antifreeze]") ? "" : "[antifreeze] "}${message}${hint}\n`)
    return 2
  }
}

async function run({ options, event, times }: Command): Promise<number> {
  const environment = openEnvironment(options)
  // The runtime is in a process group of its own, which ctrl-C does not reach.
  const stop = (): void => void environment.close().then(() => process.exit(130))
  process.once("SIGINT", stop)
  let failed = false
  try {
    for (let count = 0; count < times; count++) {
      const invocation = await environment.invoke(event)
      failed ||= invocation.functionError !== undefined
      process.stdout.write(report(invocation))
    }
  } finally {
    process.removeListener("SIGINT", stop)
    await environment.close()
  }
  return failed ? 1 : 0
}

interface Command {
  options: EnvironmentOptions
  event: Buffer
  times: number
}

/** `undefined`: help is wanted. */
function read(argv: string[]): Command | undefined {
  const { values, positionals } = parseArgs({ args: argv, allowPositionals: true, options: flags })
  if (values.help) return undefined
  const [handler, ...rest] = positionals
  if (!handler) throw new Error("no handler given. Say which one: antifreeze invoke index.handler")
  if (rest.length) throw new Error(`too many arguments: ${rest.join(" ")}. Give one handler.`)
  const options: EnvironmentOptions = {
    handler: handler.replace(/^\.\//, ""),
    taskRoot: resolve(values.root ?? "."),
    runtime: runtimeOf(values.node, values.runtime),
    memoryMb: numberOf("--memory", values.memory, 128, 10_240, 1769),
    timeoutMs: numberOf("--timeout", values.timeout, 0.001, 900, 3) * 1000,
    env: Object.fromEntries((values.env ?? []).map(variable)),
    // On Lambda, \r stands for the line ends within an entry.
    onLog: (line, stream) => process[stream].write(`  | ${line.replaceAll("\r", "\n  |   ")}\n`),
  }
  requireFile(options)
  return { options, event: eventOf(values.event), times: numberOf("--times", values.times, 1, 1_000_000, 1) }
}

const flags = {
  event: { type: "string" },
  root: { type: "string" },
  node: { type: "string" },
  runtime: { type: "string" },
  memory: { type: "string" },
  timeout: { type: "string" },
  times: { type: "string" },
  env: { type: "string", multiple: true },
  help: { type: "boolean", short: "h" },
} as const

function runtimeOf(node: string | undefined, client: string | undefined): Runtime {
  const path = node === undefined ? process.execPath : resolve(node)
  if (!existsSync(path)) throw new Error(`--node ${node} does not exist. Give the path of a Node.js binary.`)
  return client === undefined ? ownRuntime(path) : awsRuntime(resolve(client), path)
}

function numberOf(flag: string, text: string | undefined, least: number, most: number, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (text.trim() && value >= least && value <= most && (flag === "--timeout" || Number.isInteger(value))) return value
  throw new Error(`${flag} ${text} is not possible. Give a number from ${least} to ${most}.`)
}

function variable(text: string): [string, string] {
  const at = text.indexOf("=")
  if (at <= 0) throw new Error(`--env ${text} has no value. Give NAME=VALUE.`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function eventOf(file: string | undefined): Buffer {
  if (file === undefined) return Buffer.from("{}")
  const name = file === "-" ? "standard input" : file
  let event: Buffer
  try {
    event = readFileSync(file === "-" ? 0 : file)
  } catch (error) {
    throw new Error(
      `--event ${file} cannot be read (${(error as NodeJS.ErrnoException).code}). Give a file with JSON, or - for standard input.`,
    )
  }
  try {
    JSON.parse(event.toString())
  } catch (error) {
    throw new Error(`the event in ${name} is not JSON: ${(error as Error).message}. Correct it.`)
  }
  return event
}

/** A handler that cannot be found is better said here than by an init error. Lambda cuts the file's name at the first dot of the last part. */
function requireFile({ handler, taskRoot }: EnvironmentOptions): void {
  const [, base] = /^((?:.*\/)?[^/.]+)\.[^/]+$/.exec(handler) ?? []
  if (!base) throw new Error(`${handler} is not a handler. Give FILE.export, such as index.handler.`)
  const tried = ["", ".js", ".mjs", ".cjs"].map((extension) => base + extension)
  if (tried.some((file) => existsSync(resolve(taskRoot, file)))) return
  const source = existsSync(resolve(taskRoot, `${base}.ts`)) ? ` Lambda does not run ${base}.ts: bundle it first.` : ""
  throw new Error(
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
