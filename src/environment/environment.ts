import { randomBytes, randomUUID } from "node:crypto"
import { mkdtempSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { type ApiServer, serveApi } from "./api-server.ts"
import { epochMs, within } from "./clock.ts"
import type { Environment, EnvironmentOptions, Invocation, InvokeOptions } from "./contracts.ts"
import { accountId, functionEnv, region, runtimeCommand } from "./function-env.ts"
import { guardFolder } from "./guardian.ts"
import { invocationOf } from "./invocation.ts"
import { beginLife, type Failure, type Life, type Outcome, type Work } from "./life.ts"
import { collectLogs } from "./logs.ts"
import { type ProcessGroup, startProcessGroup } from "./process-group.ts"

/**
 * Opens a local Lambda execution environment: a real runtime in a process of its own, frozen between invocations.
 * Nothing starts before the first `invoke` (or `init`). Throws for options that cannot work. POSIX only.
 */
export function openEnvironment(given: EnvironmentOptions): Environment {
  const options = { ...given, taskRoot: resolve(given.taskRoot) }
  check(options)
  const { memoryMb = 1769, timeoutMs = 3000, initTimeoutMs = 10_000, functionName = "function", maxConcurrency } = options
  const tmpDir = mkdtempSync(join(tmpdir(), "antifreeze-environment-"))
  const removeTmpDir = guardFolder(tmpDir)
  const functionArn = `arn:aws:lambda:${region}:${accountId}:function:${functionName}`
  const logs = collectLogs(options.logLimitBytes ?? 1024 * 1024, options.onLog)
  const line: (() => void)[] = []
  let underWay = 0
  let server: ApiServer | undefined
  let life: Life | undefined
  let group: ProcessGroup | undefined
  let starting: Promise<Start> | undefined
  let hadInit = false
  let closed: Promise<void> | undefined

  interface Start {
    failure: Failure | undefined
    initMs: number
    /** When the init was part of the invocation: since then its time counts. */
    suppressedSinceMs: number | undefined
  }

  async function start(): Promise<Life> {
    server ??= await serveApi({
      life: () => life,
      functionName,
      handler: options.handler,
      fault: options.extensionsApi ?? "on",
      delayMs: options.extensionsDelayMs ?? 1000,
    })
    // Whatever is still on the wire comes from a process that is no more.
    server.hangUp()
    const [command, args] = runtimeCommand(options, memoryMb)
    const env = functionEnv(options, { functionName, memoryMb, tmpDir, runtimeApi: server.address })
    const startedAtMs = epochMs()
    group = startProcessGroup(command, args, options.taskRoot, env)
    logs.attach(group.stdout, "stdout")
    logs.attach(group.stderr, "stderr")
    life = beginLife({
      group,
      startedAtMs,
      cpuShare: memoryMb / 1769,
      concurrent: maxConcurrency !== undefined,
      hasWork: () => underWay > 0,
    })
    return life
  }

  /** AWS: the Init phase has 10 s of its own; when it fails, init runs again inside the invocation, under the function's timeout. */
  async function liveLife(): Promise<Start> {
    if (!hadInit) {
      hadInit = true
      const first = await initialise(initTimeoutMs)
      if (!first.failure) return { ...first, suppressedSinceMs: undefined }
    }
    const suppressedSinceMs = epochMs()
    return { ...(await initialise(timeoutMs)), suppressedSinceMs }
  }

  async function initialise(limitMs: number): Promise<{ failure: Failure | undefined; initMs: number }> {
    const begun = await start()
    const settled = await within(
      begun.ready.then((failure) => ({ failure })),
      limitMs,
    )
    const initMs = epochMs() - begun.startedAtMs
    if (settled && !settled.failure) return { failure: undefined, initMs }
    if (!settled) begun.fail(timedOut(limitMs))
    return { failure: await begun.ended, initMs }
  }

  function ensureLife(): Promise<Start> | undefined {
    if (life && !life.over && !starting) return undefined
    starting ??= liveLife().finally(() => {
      starting = undefined
    })
    return starting
  }

  async function perform(event: unknown, invokeOptions: InvokeOptions): Promise<Invocation> {
    const started = await ensureLife()
    const sinceMs = started?.suppressedSinceMs ?? epochMs()
    const work = workOf(event, invokeOptions, sinceMs)
    const current = life
    if (!current) throw closedError()
    const outcome = started?.failure ? failedInit(started.failure, sinceMs) : await current.invoke(work)
    if (outcome.failure && maxConcurrency === undefined) await current.ended
    const coldStart = current.invocations <= 1
    const initMs = started?.initMs ?? (coldStart ? preparedMs : undefined)
    preparedMs = undefined
    const extensions = [...current.extensions.values()].map(({ name }) => name)
    return invocationOf(work.requestId, outcome, {
      coldStart,
      initMs,
      suppressedSinceMs: started?.suppressedSinceMs,
      extensions,
      logs: await logs.take(),
    })
  }
  let preparedMs: number | undefined

  function workOf(event: unknown, { requestId = randomUUID(), traceHeader = newTrace(), ...rest }: InvokeOptions, sinceMs: number): Work {
    const deadlineMs = Math.round(rest.deadlineMs ?? sinceMs + timeoutMs)
    const headers: Record<string, string> = {
      "Lambda-Runtime-Aws-Request-Id": requestId,
      "Lambda-Runtime-Deadline-Ms": String(deadlineMs),
      "Lambda-Runtime-Invoked-Function-Arn": functionArn,
      "Lambda-Runtime-Trace-Id": traceHeader,
    }
    if (rest.clientContext !== undefined) headers["Lambda-Runtime-Client-Context"] = asciiJson(rest.clientContext)
    if (rest.cognitoIdentity !== undefined) headers["Lambda-Runtime-Cognito-Identity"] = asciiJson(rest.cognitoIdentity)
    if (rest.tenantId !== undefined) headers["Lambda-Runtime-Aws-Tenant-Id"] = rest.tenantId
    const tracing = { type: "X-Amzn-Trace-Id", value: traceHeader }
    const notice = Buffer.from(JSON.stringify({ eventType: "INVOKE", deadlineMs, requestId, invokedFunctionArn: functionArn, tracing }))
    const body = Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event ?? null))
    return { requestId, event: body, headers, notice, deadlineMs, timedOut: timedOut(deadlineMs - sinceMs), onResponse: rest.onResponse }
  }

  /** The Shutdown phase: 500 ms from SIGTERM to SIGKILL with an internal extension, none without. */
  async function shutDown(): Promise<void> {
    for (const wake of line.splice(0)) wake()
    if (life && group && !life.over) {
      if (life.extensions.size > 0) {
        group.kill("SIGTERM")
        await within(group.exited, 500)
      }
      group.kill("SIGKILL")
      await life.ended
    }
    await server?.close()
    removeTmpDir()
  }

  return {
    async init() {
      if (closed) throw closedError()
      const started = await ensureLife()
      if (started?.failure) {
        const { errorType, errorMessage, payload } = started.failure
        throw new Error(
          `[antifreeze] init of ${options.handler} failed: ${errorType} ${payload ?? errorMessage}. Its output: ${await logs.take()}`,
        )
      }
      preparedMs ??= started?.initMs
      return started?.initMs ?? 0
    },
    async invoke(event, invokeOptions = {}) {
      if (closed) throw closedError()
      while (underWay >= (maxConcurrency ?? 1)) await new Promise<void>((wake) => line.push(wake))
      if (closed) throw closedError()
      underWay++
      try {
        return await perform(event, invokeOptions)
      } finally {
        underWay--
        line.shift()?.()
      }
    },
    close: () => (closed ??= shutDown()),
    get pid() {
      return life && !life.over ? group?.pid : undefined
    },
    get frozen() {
      return group?.frozen ?? false
    },
    tmpDir,
    get runtimeApi() {
      return server?.address
    },
    functionArn,
  }
}

function check({ taskRoot, runtime, handler, memoryMb = 1769 }: EnvironmentOptions): void {
  if (process.platform === "win32") throw new Error("[antifreeze] Windows cannot freeze a process. Use WSL or another POSIX system.")
  if (!statSync(taskRoot, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`[antifreeze] the task root ${taskRoot} is not a folder. Give the folder of the function's code.`)
  if (!statSync(runtime.node, { throwIfNoEntry: false })?.isFile())
    throw new Error(`[antifreeze] ${runtime.node} does not exist. Give the path of a Node.js binary.`)
  if (!handler.includes("."))
    throw new Error(`[antifreeze] ${JSON.stringify(handler)} is not a handler. Give file.export, such as index.handler.`)
  if (!(memoryMb >= 128 && memoryMb <= 10240))
    throw new Error(`[antifreeze] ${memoryMb} MB of memory is not what Lambda has. Give 128 to 10240.`)
}

function closedError(): Error {
  return new Error("[antifreeze] this environment has been closed. Open another one.")
}

function timedOut(ms: number): Failure {
  return { errorType: "Sandbox.Timedout", errorMessage: `Task timed out after ${(ms / 1000).toFixed(2)} seconds` }
}

function failedInit(failure: Failure, sinceMs: number): Outcome {
  const unknown = {
    firstByteAtMs: undefined,
    respondedAtMs: undefined,
    runtimeDoneAtMs: undefined,
    frozenAtMs: undefined,
    answer: undefined,
  }
  return { ...unknown, eventAtMs: sinceMs, endedAtMs: epochMs(), partial: [], failure }
}

/** Root, parent and recursion counter as Lambda's passthrough mode sends them. */
function newTrace(): string {
  const hex = (bytes: number): string => randomBytes(bytes).toString("hex")
  return `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${hex(12)};Parent=${hex(8)};Sampled=0;Lineage=1:${hex(4)}:0`
}

/** JSON for a header, where only ASCII may stand. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
}
