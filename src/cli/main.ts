import { dev } from "./dev.ts"
import { invoke } from "./invoke.ts"

const USAGE = `antifreeze: tracing for serverless functions

  antifreeze dev [--port 4318]                       collect spans and draw their traces
  antifreeze invoke FILE.handler --event FILE        run a function in a local Lambda environment

Each command explains itself with --help.
`

const commands: Record<string, (argv: string[]) => Promise<number>> = { dev, invoke }

const [name = "", ...argv] = process.argv.slice(2)
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
if (command === undefined) {
  const asked = name === "" || name === "--help" || name === "help"
  ;(asked ? process.stdout : process.stderr).write(asked ? USAGE : `[antifreeze] there is no command ${JSON.stringify(name)}. Run antifreeze --help.\n`)
  process.exitCode = asked ? 0 : 2
} else {
  process.exitCode = await command(argv)
}
