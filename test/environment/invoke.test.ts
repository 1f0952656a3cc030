// `antifreeze invoke`, as a process of its own.
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { runtimes } from "../runtimes/runtimes.ts"
import { fixtures } from "./_open.ts"

const command = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))

test("prints what an invocation gave and took", async () => {
  const { status, out } = await invoke(["module.handler", "--event", "-", "--times", "2"], '{"word":"ž"}')
  expect(out).toMatch(
    /^[\w-]{36} ok\n {2}init [\d.]+ ms, response [\d.]+ ms, held after response [\d.]+ ms, billed \d+ ms\n\{"module":true,"event":\{"word":"ž"\}\}\n\n[\w-]{36} ok\n {2}response /,
  )
  expect(status).toBe(0)
})

test("shows logs, passes variables on and ends with 1 for a function error", async () => {
  const { status, out } = await invoke(["shapes.throwAsync"])
  expect(out).toContain("failed: OrderError")
  expect(out).toMatch(/^ {2}\| .*ERROR\tInvoke Error/)
  expect(status).toBe(1)
  const { out: environment } = await invoke(["shapes.process", "--env", "MINE=a=b", "--memory", "512", "--node", runtimes.own22.node])
  expect(environment).toContain('"MINE":"a=b"')
  expect(environment).toContain("nodejs22.x")
  expect((await invoke(["life.handler", "--timeout", "0.1", "--event", "-"], '{"hang":true}')).out).toContain(
    "timed out after 0.10 seconds",
  )
})

test.each([
  [[], "no handler given."],
  [["module"], "module is not a handler."],
  [["nope.handler"], "has no nope.js, .mjs or .cjs for the handler nope.handler."],
  [["module.handler", "more"], "too many arguments: more."],
  [["module.handler", "--memory", "64"], "--memory 64 is not possible. Give a number from 128 to 10240."],
  [["module.handler", "--timeout", ""], "--timeout  is not possible."],
  [["module.handler", "--times", "1.5"], "--times 1.5 is not possible."],
  [["module.handler", "--env", "NAME"], "--env NAME has no value."],
  [["module.handler", "--event", "/nowhere"], "--event /nowhere cannot be read (ENOENT)."],
  [["module.handler", "--event", "common/bare"], "the event in common/bare is not JSON"],
  [["module.handler", "--node", "/nowhere"], "--node /nowhere does not exist."],
  [["module.handler", "--node", "script.js"], "script.js is not a Node.js binary."],
  [["module.handler", "--runtime", "common"], "common is not a folder of aws-lambda-ric."],
  [["module.handler", "--wrong"], "Unknown option '--wrong'"],
])("says what is wrong with %j", async (args, message) => {
  const { status, out, error } = await invoke(args)
  expect([status, out]).toEqual([2, ""])
  expect(error).toMatch(/^\[antifreeze\] [^\n]*\n$/)
  expect(error).toContain(message)
})

async function invoke(args: readonly string[], input = ""): Promise<{ status: number; out: string; error: string }> {
  const child = spawn(runtimes.own24.node, [command, "invoke", ...args], { cwd: fixtures })
  let out = ""
  let error = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    error += text
  })
  child.stdin.end(input)
  const status = await new Promise<number>((resolve) => child.on("close", resolve))
  return { status, out, error }
}
