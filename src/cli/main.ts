import { dev } from "./dev.ts"
import { doctor } from "./doctor.ts"
import { instrument } from "./instrument.ts"
import { invoke } from "./invoke.ts"
import { publish } from "./publish.ts"
import { status } from "./status.ts"
import { uninstrument } from "./uninstrument.ts"
import { unpack } from "./unpack.ts"

const USAGE = `antifreeze: tracing for serverless functions

  antifreeze dev [--port 4318]                       collect spans and draw their traces
  antifreeze invoke FILE.handler --event FILE        run a function in a local Lambda environment
  antifreeze layer publish [--region R]…             publish the Lambda layer in your account
  antifreeze layer unpack FOLDER                     unpack it, for a container image
  antifreeze instrument FUNCTION…                    add the layer to functions
  antifreeze uninstrument FUNCTION…                  take it away
  antifreeze status [FUNCTION…]                      which functions have it
  antifreeze doctor FUNCTION…                        what is wrong with a function's configuration

Each command explains itself with --help.
`

const commands: Record<string, (argv: string[]) => Promise<number>> = {
  dev,
  invoke,
  "layer publish": publish,
  "layer unpack": unpack,
  instrument,
  uninstrument,
  status,
  doctor,
}

const [first = "", ...rest] = process.argv.slice(2)
const [name, argv] = first === "layer" ? [`layer ${rest[0] ?? ""}`, rest.slice(1)] : [first, rest]
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
if (command === undefined) {
  const asked = name === "" || name === "--help" || name === "help"
  ;(asked ? process.stdout : process.stderr).write(
    asked ? USAGE : `[antifreeze] there is no command ${JSON.stringify(name)}. Run antifreeze --help.\n`,
  )
  process.exitCode = asked ? 0 : 2
} else {
  process.exitCode = await command(argv)
}
