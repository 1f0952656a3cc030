import { late, never, resetBefore, status } from "../faults.ts"
import type { Fault } from "./cells.ts"

const adaptive = { env: { ANTIFREEZE_DELIVERY: "adaptive" } }
const before = { env: { ANTIFREEZE_DELIVERY: "before" } }
const watchdog = { env: { ANTIFREEZE_WATCHDOG: "true" } }
/** Four invocations that end well have 13 spans: the first two deliver theirs, the others' wait. */
const frequent = { warmUps: 4, started: 16, options: adaptive }

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
  { name: "a stream that fails half-way", handler: "endings.pipes" },
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
  {
    name: "adaptive, killed between invocations",
    handler: "endings.killed",
    event: { fine: true },
    ...frequent,
    afterwards: "SIGKILL",
    waits: true,
  },
  {
    name: "adaptive, SIGTERM at shutdown",
    handler: "endings.killed",
    event: { fine: true },
    ...frequent,
    afterwards: "shutdown",
    atOnce: true,
  },
  {
    name: "adaptive, endpoint never answers",
    handler: "endings.killed",
    event: { fine: true },
    ...frequent,
    onRequest: never(),
    waits: true,
  },
  {
    name: "adaptive, endpoint answers 503, killed between invocations",
    handler: "endings.killed",
    event: { fine: true },
    ...frequent,
    onRequest: status(503),
    afterwards: "SIGKILL",
    waits: true,
  },
  { name: "adaptive, uncaught exception", handler: "endings.throws", ...frequent, waits: true },
  {
    name: "adaptive, timeout in a hanging call",
    handler: "endings.hangs",
    ...frequent,
    options: { ...adaptive, timeoutMs: 1_000 },
    waits: true,
  },
  { name: "adaptive, SIGKILL in an invocation, journaled", handler: "endings.killed", event: { afterMs: 150 }, ...frequent, waits: true },
  { name: "before, slow endpoint", handler: "endings.killed", event: { fine: true }, options: before, onRequest: late(150), atOnce: true },
  { name: "before, endpoint never answers", handler: "endings.killed", event: { fine: true }, options: before, onRequest: never() },
  { name: "before, SIGKILL, journaled", handler: "endings.killed", event: { afterMs: 150 }, options: before },
  {
    name: "watchdog, timeout in synchronous work",
    handler: "endings.blocks",
    warmUps: 1,
    started: 9,
    options: { env: { ...watchdog.env, ANTIFREEZE_DEADLINE_MARGIN: "800" }, timeoutMs: 2_000 },
    atOnce: true,
  },
  {
    name: "watchdog, timeout in synchronous work of a first invocation",
    handler: "endings.blocks",
    started: 6,
    options: { env: { ...watchdog.env, ANTIFREEZE_DEADLINE_MARGIN: "800" }, timeoutMs: 2_000 },
    atOnce: true,
  },
  { name: "watchdog, SIGKILL within 100 ms", handler: "endings.killed", warmUps: 1, started: 7, options: watchdog },
  { name: "watchdog, SIGKILL of a first invocation", handler: "endings.killed", options: watchdog },
  { name: "watchdog, uncaught exception", handler: "endings.throws", warmUps: 1, started: 7, options: watchdog },
]
