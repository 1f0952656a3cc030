import { VERSION } from "../version.ts"
import { type Command, UsageError } from "./_arguments.ts"
import { warn } from "./_warn.ts"
import { dev } from "./dev.ts"
import { doctor } from "./doctor.ts"
import { instrument } from "./instrument.ts"
import { invoke } from "./invoke.ts"
import { publish } from "./publish.ts"
import { status } from "./status.ts"
import { uninstrument } from "./uninstrument.ts"
import { unpack } from "./unpack.ts"

const TITLE = "antifreeze: tracing for serverless functions\n\n"
const LAYER = `  antifreeze layer publish [--region R]…             publish the Lambda layer in your account
  antifreeze layer unpack FOLDER                     unpack it, for a container image
`
const USAGE = `  antifreeze dev [--port 4318]                       collect spans and draw their traces
  antifreeze invoke FILE.handler --event FILE        run a function in a local Lambda environment, and draw its trace
${LAYER}  antifreeze instrument FUNCTION…                    add the layer to functions
  antifreeze uninstrument FUNCTION…                  take it away
  antifreeze status [FUNCTION…]                      which functions have it
  antifreeze doctor FUNCTION…                        what is wrong with a function's configuration
  antifreeze --version                               which antifreeze this is
`
const MORE = "\nEach command explains itself with --help.\n"

const commands = new Map<string, Command>([
  ["dev", dev],
  ["invoke", invoke],
  ["layer publish", publish],
  ["layer unpack", unpack],
  ["instrument", instrument],
  ["uninstrument", uninstrument],
  ["status", status],
  ["doctor", doctor],
])

/** Runs the command that these arguments name. Resolves with the exit code: 1 when something went wrong, 2 when the arguments are. */
export async function run(argv: string[]): Promise<number> {
  const isLayer = argv[0] === "layer"
  const [first = "--help", ...rest] = isLayer ? argv.slice(1) : argv
  const name = isLayer ? `layer ${first}` : first
  const command = commands.get(name)
  if (command === undefined) return answer(first, name, isLayer ? LAYER : USAGE)
  if (rest.some(isHelp)) return say(command.usage + HELP)
  try {
    return await command.run(rest)
  } catch (error) {
    const { message } = error as Error
    const isOurs = message?.startsWith(PREFIX)
    if (!isOurs && !(error instanceof UsageError)) throw error
    return refuse(isOurs ? message.slice(PREFIX.length) : message)
  }
}

const HELP = "  -h, --help         show this\n"
const PREFIX = "[antifreeze] "

function answer(first: string, name: string, usage: string): number {
  if (isHelp(first) || first === "help") return say(TITLE + usage + MORE)
  if (name === "--version" || name === "-v") return say(`${VERSION}\n`)
  return refuse(`there is no command ${JSON.stringify(name)}. Run antifreeze --help.`)
}

function isHelp(argument: string): boolean {
  return argument === "--help" || argument === "-h"
}

function say(text: string): number {
  process.stdout.write(text)
  return 0
}

function refuse(message: string): number {
  warn(message)
  return 2
}
