import type { Failure } from "./life.ts"
import type { ProcessExit } from "./process-group.ts"

/** The words of AWS's Go code: `exit status N`, or the name that Go has for the signal. */
export function exitFailure({ code, signal }: ProcessExit): Failure {
  const how = signal ? `signal: ${signalWords[signal] ?? signal}` : `exit status ${code}`
  const errorMessage = code === 0 ? "Runtime exited without providing a reason" : `Runtime exited with error: ${how}`
  return { errorType: "Runtime.ExitError", errorMessage }
}

const signalWords: Partial<Record<NodeJS.Signals, string>> = {
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
  SIGTRAP: "trace/breakpoint trap",
}
