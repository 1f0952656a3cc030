import { randomUUID } from "node:crypto"
import { epochMs, turns } from "./clock.ts"
import { exitFailure } from "./exit-failure.ts"
import type { ProcessGroup } from "./process-group.ts"

/** Why a life ended, as the client gets it. `payload`: what the runtime itself posted as the error. */
export interface Failure {
  errorType: string
  errorMessage: string
  payload?: Buffer
  headers?: Record<string, string>
}

/** A request that waits for its answer at one of the two `next`. */
export interface Poll {
  answer(headers: Record<string, string>, body: Buffer): void
}

export interface Work {
  requestId: string
  event: Buffer
  headers: Record<string, string>
  /** The INVOKE event for extensions. */
  notice: Buffer
  deadlineMs: number
  timedOut: Failure
  onResponse?: ((payload: Buffer) => void) | undefined
}

export interface Answer {
  payload: Buffer
  headers: Record<string, string>
  streaming: boolean
  /** Set when the function reported an error. */
  errorType?: string | undefined
}

export interface Outcome {
  eventAtMs: number
  firstByteAtMs: number | undefined
  respondedAtMs: number | undefined
  runtimeDoneAtMs: number | undefined
  endedAtMs: number
  frozenAtMs: number | undefined
  answer: Answer | undefined
  /** What came of a streaming response whose end never did. */
  partial: Buffer[]
  /** The life ended in this invocation. */
  failure: Failure | undefined
}

/** What a refused request is told: an errorType of the Runtime or Extensions API and a message. */
export type Refusal = { status: number; errorType: string; errorMessage: string }

/** One life of the runtime process: init, invocations one after the other, end. Everything the two APIs do ends up here. */
export interface Life {
  readonly startedAtMs: number
  /** `undefined` when init ended well. */
  readonly ready: Promise<Failure | undefined>
  readonly ended: Promise<Failure>
  readonly over: boolean
  readonly extensions: ReadonlyMap<string, Extension>
  invocations: number
  invoke(work: Work): Promise<Outcome>
  /** Kills the process; invocations under way fail with this. */
  fail(failure: Failure): void

  runtimeNext(poll: Poll): void
  firstByte(requestId: string, partial: Buffer[]): void
  /** `undefined`: accepted. */
  answer(requestId: string, answer: Answer): Refusal | undefined
  initError(failure: Failure): Refusal | undefined
  register(name: string, events: string[]): string | Refusal
  extensionNext(id: string, poll: Poll): Refusal | undefined
  extensionError(id: string, phase: "init" | "exit", errorType: string): Refusal | undefined
}

export interface Extension {
  name: string
  events: string[]
  poll: Poll | undefined
}

interface Running extends Work, Outcome {
  timer: NodeJS.Timeout
  settle(outcome: Outcome): void
}

export interface LifeOptions {
  group: ProcessGroup
  startedAtMs: number
  /** Of one vCPU, during invocations. */
  cpuShare: number
  concurrent: boolean
  /** Whether an invocation waits for the end of init: then there is nothing to freeze for. */
  hasWork(): boolean
}

export function beginLife({ group, startedAtMs, cpuShare, concurrent, hasWork }: LifeOptions): Life {
  const extensions = new Map<string, Extension>()
  const running = new Map<string, Running>()
  const waiting: Running[] = []
  const polls: Poll[] = []
  let phase: "init" | "ready" | "over" = "init"
  let failure: Failure | undefined
  let runtimeWasReady = false
  let settleReady!: (failure: Failure | undefined) => void
  const ready = new Promise<Failure | undefined>((resolve) => {
    settleReady = resolve
  })

  const ended = group.exited.then(async (exit) => {
    // What the process sent before it ended may still be on its way to us.
    await turns(3)
    phase = "over"
    const reason = failure ?? exitFailure(exit)
    settleReady(reason)
    for (const one of [...running.values(), ...waiting]) finish(one, reason)
    return reason
  })

  /** After each `next`: Init and Invoke end when the runtime and every extension have asked for the next event. */
  function advance(): void {
    if (phase === "over" || polls.length === 0) return
    for (const extension of extensions.values()) if (!extension.poll) return
    if (phase === "init") {
      phase = "ready"
      if (!concurrent && !hasWork()) group.freeze()
      settleReady(undefined)
    } else if (!concurrent) {
      for (const one of running.values()) if (one.answer) finish(one)
    }
    for (let next = nextPair(); next; next = nextPair()) handOut(...next)
  }

  function nextPair(): [Running, Poll] | undefined {
    const [one] = waiting
    const [poll] = polls
    if (!one || !poll) return undefined
    waiting.shift()
    polls.shift()
    return [one, poll]
  }

  function handOut(one: Running, poll: Poll): void {
    life.invocations++
    running.set(one.requestId, one)
    group.thaw()
    if (!concurrent) group.limit(cpuShare)
    one.eventAtMs = epochMs()
    for (const extension of extensions.values()) {
      if (!extension.events.includes("INVOKE")) continue
      extension.poll?.answer({ "Lambda-Extension-Event-Identifier": randomUUID() }, one.notice)
      extension.poll = undefined
    }
    poll.answer(one.headers, one.event)
  }

  function finish(one: Running, reason?: Failure): void {
    if (!reason && !concurrent) {
      group.freeze()
      one.frozenAtMs = epochMs()
    }
    one.endedAtMs = one.frozenAtMs ?? epochMs()
    one.failure = reason
    clearTimeout(one.timer)
    running.delete(one.requestId)
    one.settle(one)
  }

  function fail(reason: Failure): void {
    failure ??= reason
    group.kill("SIGKILL")
  }

  const life: Life = {
    startedAtMs,
    ready,
    ended,
    extensions,
    invocations: 0,
    get over() {
      return phase === "over"
    },
    fail,
    invoke(work) {
      return new Promise((settle) => {
        const timer = setTimeout(() => expire(one), Math.max(0, work.deadlineMs - epochMs()))
        const unknown = {
          firstByteAtMs: undefined,
          respondedAtMs: undefined,
          runtimeDoneAtMs: undefined,
          frozenAtMs: undefined,
          answer: undefined,
          failure: undefined,
        }
        const one: Running = { ...work, ...unknown, eventAtMs: epochMs(), endedAtMs: 0, partial: [], timer, settle }
        if (phase === "over")
          return finish(one, { errorType: "Runtime.ExitError", errorMessage: "Runtime exited without providing a reason" })
        waiting.push(one)
        advance()
      })
      function expire(one: Running): void {
        // Managed Instances keep running for the other invocations of the environment.
        if (concurrent) finish(one, one.timedOut)
        else fail(one.timedOut)
      }
    },

    runtimeNext(poll) {
      runtimeWasReady = true
      if (!concurrent) {
        for (const one of running.values()) {
          // Not refused before the answer: when a streamed response fails, aws-lambda-ric 4 asks on one connection while its last bytes are still on another.
          one.runtimeDoneAtMs ??= epochMs()
        }
        // A second request at the same time takes the place of the first.
        polls.length = 0
      }
      polls.push(poll)
      advance()
    },
    firstByte(requestId, partial) {
      const one = running.get(requestId)
      if (!one || one.firstByteAtMs !== undefined) return
      one.firstByteAtMs = epochMs()
      one.partial = partial
    },
    answer(requestId, answer) {
      const one = running.get(requestId)
      if (!one || one.answer) return refusal("InvalidRequestID", "Invalid request ID", 400)
      one.respondedAtMs = epochMs()
      one.answer = answer
      one.onResponse?.(answer.payload)
      if (concurrent) finish(one)
      else advance()
      return undefined
    },
    initError(reason) {
      if (phase !== "init") return refusal("InvalidStateTransition", "Transition from Ready to InitError is not allowed")
      failure ??= reason
      // The runtime ends by itself, and its last words are worth waiting for.
      setTimeout(() => group.kill("SIGKILL"), 300).unref()
      return undefined
    },

    register(name, events) {
      const known = concurrent ? [] : ["INVOKE"]
      const wrong = events.find((event) => !known.includes(event))
      if (wrong === "SHUTDOWN") return refusal("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")
      if (wrong !== undefined)
        return refusal(
          "Extension.InvalidEventType",
          concurrent ? "No events allowed for internal extensions" : `${wrong}: ErrorInvalidEventType`,
        )
      // The order of AWS's emulator: registration closes when the runtime first asks for an event, before Init has ended.
      if (runtimeWasReady || phase !== "init") return refusal("Extension.RegistrationClosed", "Extension registration closed already")
      for (const extension of extensions.values()) {
        if (extension.name === name) return refusal("Extension.InvalidExtensionState", "Extension with this name already registered")
      }
      if (extensions.size >= 10) return refusal("Extension.TooManyExtensions", "Extension limit (10) reached")
      const id = randomUUID()
      extensions.set(id, { name, events, poll: undefined })
      return id
    },
    extensionNext(id, poll) {
      const extension = extensions.get(id)
      if (!extension) return refusal("Extension.UnknownExtensionIdentifier", `Unknown extension ${id}`)
      extension.poll = poll
      advance()
      return undefined
    },
    extensionError(id, where, errorType) {
      const extension = extensions.get(id)
      if (!extension) return refusal("Extension.UnknownExtensionIdentifier", `Unknown extension ${id}`)
      failure ??= {
        errorType: where === "init" ? "Extension.InitError" : "Extension.ExitError",
        errorMessage: `Extension ${extension.name} reported ${errorType}`,
      }
      setTimeout(() => group.kill("SIGKILL"), 300).unref()
      return undefined
    },
  }
  return life
}

function refusal(errorType: string, errorMessage: string, status = 403): Refusal {
  return { status, errorType, errorMessage }
}
