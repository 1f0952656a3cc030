import { spawn } from "node:child_process"
import type { Readable } from "node:stream"
import { guardGroup } from "./guardian.ts"
import { throttle } from "./throttle.ts"

export interface ProcessExit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A process and all it starts, stopped and continued together: the only place that sends signals. */
export interface ProcessGroup {
  readonly pid: number
  readonly frozen: boolean
  readonly stdout: Readable
  readonly stderr: Readable
  /** The leader has ended and the rest of the group has been killed. */
  readonly exited: Promise<ProcessExit>
  freeze(): void
  thaw(): void
  /** Limits the CPU to a share of one from now to the next `freeze` or `kill`. 1 and more: no limit. */
  limit(share: number): void
  kill(signal: "SIGTERM" | "SIGKILL"): void
}

/** Starts `command` in a process group of its own, with nothing but `env`. Rejects `exited` never; a failed start exits with 127. */
export function startProcessGroup(command: string, args: readonly string[], cwd: string, env: Record<string, string>): ProcessGroup {
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] })
  const { pid } = child
  if (pid === undefined) {
    child.on("error", () => {})
    throw new Error(`[antifreeze] ${command} could not be started. Check that it exists and is executable.`)
  }
  const unguard = guardGroup(pid)
  // An environment that its owner forgot must not keep the owner alive; while it has work, a timer does.
  child.unref()
  for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref()
  let frozen = false
  let gone = false
  let endThrottle = (): void => {}

  const send = (signal: NodeJS.Signals): void => {
    if (gone) return
    try {
      process.kill(-pid, signal)
    } catch {
      // The group has just ended; `exit` is on its way.
    }
  }

  const exited = new Promise<ProcessExit>((resolve) => {
    child.on("exit", (code, signal) => {
      endThrottle()
      send("SIGKILL")
      gone = true
      unguard()
      resolve({ code, signal })
    })
  })

  return {
    pid,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    get frozen() {
      return frozen
    },
    freeze() {
      // First, so that the end of the throttle does not let it run again.
      frozen = true
      endThrottle()
      send("SIGSTOP")
    },
    thaw() {
      if (frozen) send("SIGCONT")
      frozen = false
    },
    limit(share) {
      endThrottle()
      if (share >= 1 || frozen) return
      const end = throttle(
        pid,
        share,
        () => send("SIGSTOP"),
        () => frozen || send("SIGCONT"),
      )
      endThrottle = () => {
        endThrottle = () => {}
        end()
      }
    },
    kill(signal) {
      endThrottle()
      child.ref()
      // A stopped process ends by SIGKILL, but handles SIGTERM only once it runs.
      send(signal)
      if (signal === "SIGTERM") this.thaw()
    },
  }
}
