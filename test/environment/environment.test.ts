// The execution environment itself, under AWS's runtime clients and ours.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, onTestFinished, test } from "vitest"
import type { Invocation } from "../../src/environment/contracts.ts"
import { runtimeList } from "../runtimes/runtimes.ts"
import { open } from "./_open.ts"

describe.each(runtimeList)("with %s", (_name, runtime) => {
  test("freezes between invocations", async () => {
    const environment = open(runtime, "shapes.lateTimer")
    const first = await environment.invoke({})
    expect(environment.frozen).toBe(true)
    await sleep(80)
    expect(stateOf(environment.pid)).toBe("T")
    const second = await environment.invoke({})
    expect(first.logs).toBe("")
    // What the first left behind runs only after the thaw.
    expect(second.logs + (await environment.invoke({})).logs).toContain("late 1\n")
    expect([first.coldStart, second.coldStart]).toEqual([true, false])
  })

  test("measures init, response, hold and freeze", { retry: 2 }, async () => {
    const environment = open(runtime, "life.handler")
    const before = Date.now()
    const cold = await environment.invoke({ sleepMs: 40 })
    expect(cold.initMs).toBeGreaterThan(5)
    expect(cold.responseMs).toBeGreaterThanOrEqual(39)
    expect(cold.responseMs).toBeLessThan(500)
    expect(cold.billedMs).toBe(Math.ceil((cold.initMs ?? 0) + cold.durationMs))
    expect(cold.eventAtMs).toBeGreaterThan(before)
    expect(cold.respondedAtMs - cold.eventAtMs).toBeCloseTo(cold.responseMs, 6)
    expect((cold.frozenAtMs ?? 0) - cold.respondedAtMs).toBeCloseTo(cold.heldMs, 6)
    const warm = await environment.invoke({})
    expect(warm.initMs).toBeUndefined()
    expect(warm.billedMs).toBe(Math.ceil(warm.durationMs))
  })

  test("posts the response before the second setImmediate", async () => {
    const environment = open(runtime, "shapes.afterResponse")
    const invocations = [await environment.invoke({}), await environment.invoke({}), await environment.invoke({})]
    const hops = [
      ...invocations
        .map(({ logs }) => logs)
        .join("")
        .matchAll(/second hop ([\d.]+)/g),
    ].map(([, at]) => Number(at))
    expect(hops.length).toBeGreaterThanOrEqual(2)
    // Times of two processes: a margin of 0.3 ms, where sending takes about 0.2.
    for (const [index, at] of hops.entries()) expect(at + 0.3).toBeGreaterThan(invocations[index]?.respondedAtMs ?? 0)
  })

  test("takes one invocation at a time", async () => {
    const environment = open(runtime, "life.handler")
    const all = await Promise.all([1, 2, 3].map(() => environment.invoke({ sleepMs: 5 })))
    expect(all.map((one) => json<Life>(one).invocations)).toEqual([1, 2, 3])
  })

  test("kills at the timeout, answers for the function and starts again with the same temporary folder", { retry: 2 }, async () => {
    const environment = open(runtime, "life.handler", { timeoutMs: 1_000 })
    const hung = await environment.invoke({ write: "kept", hang: true }, { requestId: "the-id" })
    expect(json(hung)).toEqual({
      errorType: "Sandbox.Timedout",
      errorMessage: "RequestId: the-id Error: Task timed out after 1.00 seconds",
    })
    expect(hung).toMatchObject({ functionError: "Sandbox.Timedout", reset: "Sandbox.Timedout", frozenAtMs: undefined })
    expect(hung.durationMs).toBeGreaterThanOrEqual(999)
    expect(hung.durationMs).toBeLessThan(2_000)
    const next = await environment.invoke({})
    expect(json(next)).toMatchObject({ invocations: 1, read: "kept" })
    expect(next.coldStart).toBe(true)
  })

  test("answers for a runtime that exits", async () => {
    const environment = open(runtime, "life.handler")
    const crashed = await environment.invoke({ write: "kept", exit: 1 }, { requestId: "the-id" })
    expect(json(crashed)).toEqual({
      errorType: "Runtime.ExitError",
      errorMessage: "RequestId: the-id Error: Runtime exited with error: exit status 1",
    })
    expect(json(await environment.invoke({}))).toMatchObject({ invocations: 1, read: "kept" })
    const zero = await environment.invoke({ exit: 0 }, { requestId: "the-id" })
    expect(zero.error?.errorMessage).toBe("RequestId: the-id Error: Runtime exited without providing a reason")
  })

  test("gives a failed init a second chance inside the invocation", async () => {
    const environment = open(runtime, "slow-init.handler", { initTimeoutMs: 1_200 })
    const invocation = await environment.invoke({})
    expect(json(invocation)).toBe("initialised")
    // The re-init counts as part of the invocation.
    expect(invocation.durationMs).toBeGreaterThan(invocation.initMs ?? 0)
    expect(json(await environment.invoke({}))).toBe("initialised")
  })

  test("reports an error of init, and init() rejects with it", async () => {
    const environment = open(runtime, "throws.handler")
    const failed = await environment.invoke({})
    expect(failed.error).toMatchObject({ errorType: "RangeError", errorMessage: "at load" })
    await expect(open(runtime, "missing.handler").init()).rejects.toThrow(
      /missing.handler failed: Runtime.ImportModuleError .*not-installed/,
    )
    const exited = await open(runtime, "exits.handler").invoke({})
    expect(exited.error).toMatchObject({ errorType: "Runtime.ExitError", errorMessage: expect.stringContaining("exit status 5") })
  })

  test("streams", { retry: 2 }, async () => {
    const streamed = await open(runtime, "streams.parts").invoke({ n: 7 })
    expect(streamed.payload.toString()).toBe("first 7 string\nsecond\n")
    expect(streamed.streaming).toBe(true)
    expect(streamed.responseMs - (streamed.firstByteMs ?? 1e6)).toBeGreaterThan(50)
    const broken = await open(runtime, "streams.exits").invoke({})
    expect(broken).toMatchObject({ functionError: "Runtime.ExitError", payload: Buffer.from("some") })
  })

  test("lets an extension hold the freeze after the response", { retry: 2 }, async () => {
    const environment = open(runtime, "extension.handler")
    const cold = await environment.invoke({ holdMs: 20 }, { requestId: "one" })
    const held = await environment.invoke({ holdMs: 200 }, { requestId: "two" })
    expect(held.heldMs).toBeGreaterThan(150)
    expect(held.responseMs).toBeLessThan(150)
    expect(cold).toMatchObject({ extensionRegistered: true, extensions: ["first"] })
    const { first, events } = json<{ first: Answer; events: Record<string, unknown>[] }>(
      await environment.invoke({}, { requestId: "three" }),
    )
    expect(JSON.parse(first.text)).toEqual({
      functionName: "function",
      functionVersion: "$LATEST",
      handler: "extension.handler",
      accountId: "123456789012",
    })
    const { traceHeader, deadlineMs } = { traceHeader: expect.stringMatching(/^Root=1-/), deadlineMs: expect.any(Number) }
    const expected = {
      eventType: "INVOKE",
      requestId: "two",
      invokedFunctionArn: environment.functionArn,
      tracing: { type: "X-Amzn-Trace-Id", value: traceHeader },
      deadlineMs,
    }
    expect(events[1]).toEqual(expected)
  })

  test("resets an environment that an extension holds past the timeout, after the client has its answer", async () => {
    const environment = open(runtime, "extension.handler", { timeoutMs: 1_500 })
    const invocation = await environment.invoke({ holdMs: 5000 })
    expect(json(invocation)).toMatchObject({ first: { status: 200 } })
    expect(invocation).toMatchObject({ functionError: undefined, reset: "Sandbox.Timedout", frozenAtMs: undefined })
    const next = await environment.invoke({})
    expect(next).toMatchObject({ coldStart: true, extensionRegistered: true })
  })

  test("refuses to register what may not register", async () => {
    const environment = open(runtime, "extension.registrations", { env: { TRIALS: "1" } })
    const trials = json<Record<string, Answer>>(await environment.invoke({}))
    const told = Object.entries(trials).map(([name, { status, text }]) => [
      name,
      status === 200 ? 200 : [status, (JSON.parse(text) as { errorType: string }).errorType],
    ])
    expect(Object.fromEntries(told)).toEqual({
      shutdown: [403, "Extension.InvalidEventType"],
      unknown: [403, "Extension.InvalidEventType"],
      twice: [403, "Extension.InvalidExtensionState"],
      nameless: [403, "Extension.InvalidExtensionName"],
      noEvents: 200,
      noBody: [403, "InvalidRequestFormat"],
      wrongId: [403, "Extension.UnknownExtensionIdentifier"],
      noId: [403, "Extension.MissingHeader"],
    })
    const { late } = json<{ late: Answer }>(await open(runtime, "extension.late").invoke({}))
    expect([late.status, JSON.parse(late.text)]).toEqual([
      403,
      { errorMessage: "Extension registration closed already", errorType: "Extension.RegistrationClosed" },
    ])
  })

  test("fails the invocation when an extension reports an error", async () => {
    const invocation = await open(runtime, "extension.exitError").invoke({})
    expect(invocation.functionError).toBe("Extension.ExitError")
  })

  test("plays a broken Extensions API", async () => {
    const answers = []
    for (const extensionsApi of ["refuse", "slow", "garbled"] as const) {
      const { first, registrationMs } = json<{ first: Answer; registrationMs: number }>(
        await open(runtime, "extension.handler", { extensionsApi, extensionsDelayMs: 150 }).invoke({}),
      )
      answers.push([first.status, registrationMs > 140])
    }
    expect(answers).toEqual([
      [403, false],
      [200, true],
      ["HPE_INVALID_CONSTANT", false],
    ])
  })

  test("gives SIGTERM and 500 ms to a function with an extension, and no word to others", async () => {
    const folder = mkdtempSync(join(tmpdir(), "antifreeze-test-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const endings = []
    for (const [sigtermMs, events] of [
      [100, '["INVOKE"]'],
      [900, "[]"],
    ] as const) {
      const mark = join(folder, `${sigtermMs}`)
      const environment = open(runtime, "extension.handler", { env: { ON_SIGTERM: mark, SIGTERM_MS: String(sigtermMs), EVENTS: events } })
      const { pid } = json<Life>(await environment.invoke({}))
      const closing = performance.now()
      await environment.close()
      endings.push([readFileSync(mark, "utf8"), performance.now() - closing < 700, isAlive(pid)])
    }
    expect(endings).toEqual([
      ["late enough", true, false],
      ["begun", true, false],
    ])

    const mark = join(folder, "without")
    const environment = open(runtime, "extension.handler", { env: { ON_SIGTERM: mark }, extensionsApi: "refuse" })
    const { pid } = json<Life>(await environment.invoke({}))
    await environment.close()
    expect([existsSync(mark), isAlive(pid), existsSync(environment.tmpDir)]).toEqual([false, false, false])
  })

  test("ends what the function has started, too", async () => {
    const environment = open(runtime, "life.spawns")
    const { pid } = json<Life>(await environment.invoke({}))
    await expect.poll(() => stateOf(pid)).toBe("T")
    await environment.close()
    await sleep(20)
    expect(isAlive(pid)).toBe(false)
  })

  test("runs an exec wrapper with the runtime's command line", async () => {
    const folder = mkdtempSync(join(tmpdir(), "antifreeze-test-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const wrapper = join(folder, "wrapper")
    writeFileSync(wrapper, '#!/bin/sh\nexport WRAPPED="$1"\nexec "$@" extra\n')
    const refused = await open(runtime, "life.handler", { env: { AWS_LAMBDA_EXEC_WRAPPER: wrapper } }).invoke({})
    expect(refused.error?.errorMessage).toContain("exit status 126")
    expect(refused.logs).toContain(`${wrapper}: is not an executable\n`)
    chmodSync(wrapper, 0o755)
    const wrapped = json<Life>(await open(runtime, "life.handler", { env: { AWS_LAMBDA_EXEC_WRAPPER: wrapper } }).invoke({}))
    expect(wrapped.wrapped).toBe(runtime.node)
    expect(wrapped.argv.at(-1)).toBe("extra")
    const missing = await open(runtime, "life.handler", { env: { AWS_LAMBDA_EXEC_WRAPPER: "/nowhere" } }).invoke({})
    expect(missing.error?.errorMessage).toContain("exit status 127")
  })

  test("gives CPU in proportion to the memory", { retry: 2 }, async () => {
    const environment = open(runtime, "life.handler", { memoryMb: 256 })
    await environment.invoke({})
    const shares: number[] = []
    // Others want the processor, too: the one of five that they disturbed least.
    for (let run = 0; run < 5; run++) {
      const { wallMs } = json<Life>(await environment.invoke({ burnMs: 60 }))
      shares.push(60 / wallMs / (256 / 1769))
    }
    const [share] = shares.sort((one, other) => Math.abs(Math.log(one)) - Math.abs(Math.log(other)))
    expect(share).toBeGreaterThan(0.7)
    expect(share).toBeLessThan(1.4)
    // Not frozen by the throttle, nor let run by it.
    await sleep(50)
    expect(stateOf(environment.pid)).toBe("T")
  })

  test("starts node as Lambda does, with nothing of the user's environment", async () => {
    process.env.ANTIFREEZE_LEAK = "leak"
    onTestFinished(() => void delete process.env.ANTIFREEZE_LEAK)
    const environment = open(runtime, "shapes.process", { env: { MINE: "mine" }, memoryMb: 512, functionName: "named" })
    const { execArgv, env } = json<{ execArgv: string[]; env: Record<string, string> }>(await environment.invoke({}))
    expect(env).toMatchObject({
      MINE: "mine",
      _HANDLER: "shapes.process",
      TZ: ":UTC",
      AWS_LAMBDA_FUNCTION_NAME: "named",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
      TMPDIR: environment.tmpDir,
    })
    expect(env.AWS_EXECUTION_ENV).toBe(runtime.name.endsWith("22") ? "AWS_Lambda_nodejs22.x" : "AWS_Lambda_nodejs24.x")
    expect(env.ANTIFREEZE_LEAK).toBeUndefined()
    const off = ["--no-experimental-require-module", "--no-experimental-detect-module"]
    expect(execArgv).toEqual([
      "--expose-gc",
      "--max-http-header-size=81920",
      "--max-semi-space-size=25",
      "--max-old-space-size=461",
      ...(runtime.name.endsWith("22") ? off : []),
    ])
  })
})

interface Life {
  pid: number
  invocations: number
  wallMs: number
  wrapped: string | null
  argv: string[]
}

interface Answer {
  status: number | string
  text: string
}

function json<T = unknown>({ payload }: Invocation): T {
  return JSON.parse(payload.toString()) as T
}

/** `T`: stopped. `undefined`: there is no such process. */
function stateOf(pid: number | undefined): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.[0]
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  const state = stateOf(pid)
  return state !== undefined && state !== "Z"
}
