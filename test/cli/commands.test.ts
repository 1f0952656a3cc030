// What every command has in common: help, wrong arguments, and the Node that it runs on.
import { describe, expect, test } from "vitest"
import { node24, oldNodes } from "../runtimes/runtimes.ts"
import { installed, type Ran, run as runFile } from "./_run.ts"

const run = (argv: readonly string[], node?: string): Promise<Ran> => runFile(argv, {}, installed, node)
const commands = ["dev", "invoke", "layer publish", "layer unpack", "instrument", "uninstrument", "status", "doctor"]

test.each(["-h", "--help", "help", ""])("lists the commands: antifreeze %s", async (argument) => {
  const { code, stdout } = await run(argument === "" ? [] : [argument])
  expect(code).toBe(0)
  for (const command of commands) expect(stdout).toContain(`  antifreeze ${command} `)
})

test.each([[["layer"]], [["layer", "--help"]], [["layer", "-h"]]])("lists the commands of the layer: %j", async (argv) => {
  const { code, stdout } = await run(argv)
  expect([code, stdout.match(/ {2}antifreeze \w+ ?\w*/g)]).toEqual([0, ["  antifreeze layer publish", "  antifreeze layer unpack"]])
})

test.each(["--version", "-v"])("says which version it is: %s", async (argument) => {
  const { code, stdout } = await run([argument])
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)])
})

test.each([
  [["nope"], 'there is no command "nope". Run antifreeze --help.'],
  [["toString"], 'there is no command "toString". Run antifreeze --help.'],
  [["layer", "nope"], 'there is no command "layer nope". Run antifreeze --help.'],
  [["dev", "extra"], "Unexpected argument 'extra'. See --help."],
  [["dev", "--port", "http"], "--port http is not possible. Give a number from 0 to 65535."],
  [["dev", "--port", "65536"], "--port 65536 is not possible. Give a number from 0 to 65535."],
  [["layer", "publish", "extra"], "Unexpected argument 'extra'. See --help."],
  [["layer", "publish", "--full", "--zip", "x.zip"], "--full is about the zips of this package. Leave it out, or leave out --zip."],
  [["layer", "publish", "--zip", "/none.zip"], "/none.zip cannot be read (ENOENT). Give the zip of a layer."],
  [["instrument"], "name at least one function. See --help."],
  [["instrument", "shop", "--endpoint", "spans.example"], '--endpoint is "spans.example". Give an http or https URL.'],
  [["uninstrument"], "name at least one function. See --help."],
  [["doctor"], "name at least one function. See --help."],
])("ends with 2 and says in one line what is wrong: %j", async (argv, message) => {
  expect(await run(argv)).toEqual({ code: 2, stdout: "", stderr: `[antifreeze] ${message}\n` })
})

describe.each(commands)("%s", (command) => {
  const words = command.split(" ")

  test.each(["-h", "--help"])("explains itself with %s", async (flag) => {
    const { code, stdout } = await run([...words, flag])
    expect([code, stdout]).toEqual([0, expect.stringMatching(new RegExp(`^Usage: antifreeze ${command}[^]*-h, --help`))])
  })

  test("ends with 2 for an option that it has not", async () => {
    const { code, stderr } = await run([...words, "--nonsense"])
    expect([code, stderr]).toEqual([2, "[antifreeze] Unknown option '--nonsense'. See --help.\n"])
  })

  test("is there on Node 20, as it is installed", async () => {
    expect((await run([...words, "--help"], oldNodes[20])).code).toBe(0)
  })
})

test.each([[[]], [["invoke", "index.handler"]], [["--version"]]])("says in one line that Node 16 is too old: %j", async (argv) => {
  const message = "[antifreeze] Node 16.20.2 is too old for this tool. Run it on Node 20 or later.\n"
  expect(await run(argv, oldNodes[16])).toEqual({ code: 1, stdout: "", stderr: message })
})

test("is the same on Node 20 and Node 24", async () => {
  const [older, newer] = await Promise.all([oldNodes[20], node24].map((node) => run(["--help"], node)))
  expect(older).toEqual(newer)
})
