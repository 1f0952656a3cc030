// `npm start`, as a process of its own, on what has been built.
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { launch, run, send, until } from "./cli/_run.ts"
import { freePort } from "./free-port.mjs"
import { record, spanId } from "./otlp/_records.ts"

const start = fileURLToPath(new URL("../scripts/start.ts", import.meta.url))

test("draws what is sent to its collector after the sample", async () => {
  const port = await freePort()
  const { output, errors, process } = launch(["--no-build", "--times", "1", "--port", String(port)], start)
  await until(() => output().includes("The collector stays up."))
  expect(output().match(/✓ all 5 spans delivered before the freeze/g)).toHaveLength(1)
  await send(`http://127.0.0.1:${port}`, [record({ spanId: spanId(1), operationName: "GET /hello" })])
  await until(() => /GET \/hello · orders +1 ms\n/.test(output()))
  process.kill("SIGINT")
  expect([await once(process, "close"), errors()]).toEqual([[0, null], ""])
})

test("ends after the sample when asked", async () => {
  const { code, stdout } = await run(["--no-build", "--once", "--times=2"], {}, start)
  expect([code, stdout.match(/^Invocation \d/gm)]).toEqual([0, ["Invocation 1", "Invocation 2"]])
})

test.each([
  [["--onec"], "Unknown option '--onec'. See --help."],
  [["bogus"], "there is no bogus to start."],
  [["workers", "--times=2"], "the example Worker takes --no-build alone."],
  [["--times=x"], "--times x is not possible. Give a number from 1 to 1000000."],
  [["--times", "0"], "--times 0 is not possible. Give a number from 1 to 1000000."],
])("runs nothing and says what is wrong: %j", async (argv, message) => {
  const { code, stdout, stderr } = await run(argv, {}, start)
  expect([code, stdout, stderr.split("\n", 2)]).toEqual([2, "", [`[antifreeze] ${message}`, ""]])
  expect(stderr).toContain("Usage: npm start")
})

test("explains itself", async () => {
  const { code, stdout } = await run(["--help"], {}, start)
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^Usage: npm start[^]*--once/)])
})
