import { never, resetBefore, status } from "../faults.ts"
import type { Fault } from "./cells.ts"

/** What can go wrong, one row each. */
export const faults: readonly Fault[] = [
  { name: "timeout in a hanging call", handler: "endings.hangs", options: { timeoutMs: 1_000 } },
  { name: "timeout in synchronous work", handler: "endings.blocks", started: 6, options: { timeoutMs: 1_000 } },
  { name: "uncaught exception", handler: "endings.throws" },
  { name: "unhandled rejection", handler: "endings.rejects" },
  { name: "process.exit(3)", handler: "endings.exits" },
  { name: "process.exit(0)", handler: "endings.exitsWell" },
  { name: "SIGTERM in the handler", handler: "endings.terminated" },
  { name: "a handler that never settles", handler: "endings.neverSettles" },
  // Lambda tries twice before it gives up.
  { name: "init failure", handler: "fails-init.handler", started: 2 },
  { name: "process.abort, journaled", handler: "endings.aborts", event: { afterMs: 150 } },
  { name: "process.abort within 100 ms", handler: "endings.aborts", mayLose: true },
  { name: "SIGKILL, journaled", handler: "endings.killed", event: { afterMs: 150 } },
  { name: "SIGKILL within 100 ms", handler: "endings.killed", mayLose: true },
  { name: "SIGSEGV, journaled", handler: "endings.segfaults", event: { afterMs: 150 } },
  {
    name: "out of memory, journaled",
    handler: "endings.outOfMemory",
    event: { afterMs: 150 },
    options: { memoryMb: 128, timeoutMs: 20_000 },
  },
  { name: "process.exit(3), endpoint never answers", handler: "endings.exits", onRequest: never() },
  { name: "process.exit(3), endpoint answers 503", handler: "endings.exits", onRequest: status(503) },
  { name: "uncaught exception, endpoint resets", handler: "endings.throws", onRequest: resetBefore() },
  { name: "timeout, endpoint never answers", handler: "endings.hangs", options: { timeoutMs: 1_000 }, onRequest: never() },
]
