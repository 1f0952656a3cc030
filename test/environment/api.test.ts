// What does not depend on the runtime: the wire, the end of the owner, concurrency, the options.
import { spawn } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { openEnvironment } from "../../src/environment/environment.ts"
import { awsRuntime } from "../../src/environment/runtimes.ts"
import { runtimes } from "../runtimes/runtimes.ts"
import { fixtures, open } from "./_open.ts"

describe("the API server", () => {
  test("reads requests byte by byte, one after the other on a connection", async () => {
    const environment = open(runtimes.own24, "life.handler")
    await environment.init()
    const [host, port] = (environment.runtimeApi ?? "").split(":")
    const socket = connect(Number(port), host).setNoDelay(true)
    let got = ""
    socket.on("data", (chunk) => {
      got += chunk
    })
    for (let round = 1; round <= 2; round++) {
      const body = '{"events":[]}'
      const request = `POST /2020-01-01/extension/register HTTP/1.1\r\nHost: x\r\nLambda-Extension-Name: late\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      for (const byte of request) {
        socket.write(byte)
        await new Promise((resolve) => setImmediate(resolve))
      }
      while (got.split("Extension.RegistrationClosed").length <= round) await sleep(2)
    }
    socket.destroy()
    expect(got.match(/HTTP\/1.1 403 Forbidden/g)).toHaveLength(2)
    expect(JSON.parse((await environment.invoke({})).payload.toString())).toMatchObject({ invocations: 1 })
  })

  test("answers 404 and 400 for what it does not know", async () => {
    const environment = open(runtimes.own24, "life.handler")
    await environment.init()
    const base = `http://${environment.runtimeApi}`
    expect((await fetch(`${base}/2018-06-01/nothing`)).status).toBe(404)
    const response = await fetch(`${base}/2018-06-01/runtime/invocation/unknown/response`, { method: "POST", body: "1" })
    expect([response.status, await response.json()]).toEqual([400, { errorMessage: "Invalid request ID", errorType: "InvalidRequestID" }])
  })
})

describe("the owner's end", () => {
  // How the owner of a running and of a frozen environment may end without closing it.
  test.each(["process.exit(0)", "process.kill(process.pid, 'SIGKILL')", "process.kill(process.pid, 'SIGINT')", "throw new Error('x')"])(
    "%s leaves no process behind",
    async (end) => {
      const environment = fileURLToPath(new URL("../../src/environment/environment.ts", import.meta.url))
      const options = JSON.stringify({ handler: "life.handler", taskRoot: fixtures, runtime: runtimes.own24 })
      const script = `
      import { openEnvironment } from ${JSON.stringify(environment)}
      const frozen = openEnvironment(${options}), running = openEnvironment(${options})
      await frozen.init()
      await running.init()
      running.invoke({ hang: true })
      setTimeout(() => { console.log([frozen.pid, running.pid, frozen.tmpDir, running.tmpDir].join(" ")); ${end} }, 100)`
      const owner = spawn(runtimes.own24.node, ["--input-type=module-typescript", "-e", script], { stdio: ["ignore", "pipe", "ignore"] })
      let text = ""
      owner.stdout.on("data", (chunk) => {
        text += chunk
      })
      await new Promise((resolve) => owner.on("close", resolve))
      const words = text.trim().split(" ")
      // A kill leaves no time to remove these.
      for (const folder of words.slice(2)) rmSync(folder, { recursive: true, force: true })
      const pids = words.slice(0, 2).map(Number)
      expect(pids.filter((pid) => pid > 1)).toHaveLength(2)
      for (let tries = 0; tries < 50 && pids.some(isAlive); tries++) await sleep(10)
      expect(pids.filter(isAlive)).toEqual([])
    },
  )

  test("an environment that nobody closes does not keep its owner alive between invocations", async () => {
    const environment = fileURLToPath(new URL("../../src/environment/environment.ts", import.meta.url))
    const options = JSON.stringify({ handler: "life.handler", taskRoot: fixtures, runtime: runtimes.own24 })
    const script = `import { openEnvironment } from ${JSON.stringify(environment)}
      await openEnvironment(${options}).invoke({})`
    const owner = spawn(runtimes.own24.node, ["--input-type=module-typescript", "-e", script], { stdio: "ignore" })
    const code = await Promise.race([new Promise((resolve) => owner.on("exit", resolve)), sleep(3000).then(() => "still there")])
    owner.kill("SIGKILL")
    expect(code).toBe(0)
  })
})

describe.each([
  ["aws-lambda-ric 4", runtimes.ric4],
  ["our bootstrap", runtimes.own24],
])("Managed Instances with %s", (_name, runtime) => {
  test("run invocations at the same time and never freeze", { retry: 2 }, async () => {
    const environment = open(runtime, "life.handler", { maxConcurrency: 4, env: { AWS_LAMBDA_NODEJS_WORKER_COUNT: "2" } })
    await environment.init()
    const started = performance.now()
    const all = await Promise.all([1, 2, 3, 4].map(() => environment.invoke({ sleepMs: 150 })))
    expect(performance.now() - started).toBeLessThan(400)
    expect(all.map(({ functionError, frozenAtMs }) => [functionError, frozenAtMs])).toEqual(all.map(() => [undefined, undefined]))
    expect(environment.frozen).toBe(false)
  })

  test("refuse an extension that wants INVOKE", async () => {
    const environment = open(runtime, "extension.handler", {
      maxConcurrency: 2,
      env: { AWS_LAMBDA_NODEJS_WORKER_COUNT: "1", ON_SIGTERM: "/dev/null" },
    })
    const { first } = JSON.parse((await environment.invoke({})).payload.toString()) as { first: { status: number; text: string } }
    expect([first.status, JSON.parse(first.text)]).toEqual([
      403,
      { errorMessage: "No events allowed for internal extensions", errorType: "Extension.InvalidEventType" },
    ])
  })
})

test("our bootstrap works where raw sockets are not allowed", async () => {
  const environment = open(runtimes.own24, "life.handler", { nodeFlags: ["--permission", "--allow-fs-read=*"] })
  for (let count = 1; count <= 3; count++)
    expect(JSON.parse((await environment.invoke({})).payload.toString())).toMatchObject({ invocations: count })
})

test("hands lines out live and bounds what it keeps", async () => {
  const lines: string[] = []
  const environment = open(runtimes.own24, "shapes.logs", { logLimitBytes: 40, onLog: (line, stream) => lines.push(`${stream} ${line}`) })
  const { logs } = await environment.invoke({})
  expect(lines).toContain("stdout raw")
  expect(lines).toContain("stderr raw error")
  expect(logs).toMatch(/^[\s\S]{40}\n\[antifreeze\] \d+ bytes of output dropped.\n$/)
})

test("ends invocations that are under way when it is closed", async () => {
  const environment = open(runtimes.own24, "life.handler")
  await environment.init()
  const under = environment.invoke({ hang: true })
  const queued = environment.invoke({})
  const told = expect(queued).rejects.toThrow("[antifreeze] this environment has been closed")
  await sleep(20)
  await environment.close()
  expect((await under).functionError).toBe("Runtime.ExitError")
  await told
  await expect(environment.invoke({})).rejects.toThrow("[antifreeze] this environment has been closed")
})

test("says what is wrong with the options", () => {
  const good = { handler: "life.handler", taskRoot: fixtures, runtime: runtimes.own24 }
  expect(() => openEnvironment({ ...good, taskRoot: "/nowhere" })).toThrow("[antifreeze] the task root /nowhere is not a folder.")
  expect(() => openEnvironment({ ...good, handler: "handler" })).toThrow('[antifreeze] "handler" is not a handler.')
  expect(() => openEnvironment({ ...good, memoryMb: 64 })).toThrow("[antifreeze] 64 MB")
  expect(() => openEnvironment({ ...good, runtime: { ...good.runtime, node: "/nowhere/node" } })).toThrow(
    "[antifreeze] /nowhere/node does not exist",
  )
  expect(() => awsRuntime("/nowhere")).toThrow("[antifreeze] /nowhere is not a folder of aws-lambda-ric.")
})

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z")
  } catch {
    return false
  }
}
