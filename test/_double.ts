import { AsyncLocalStorage } from "node:async_hooks"
import type { Clock, IdSource } from "../src/core/contracts.ts"
import { binaryFormat } from "../src/core/propagation/binary.ts"
import { createReport } from "../src/core/report.ts"
import { type Scope, ScopeManager } from "../src/core/scope.ts"
import type { TracerSetup } from "../src/core/span-maker.ts"
import { Tracer } from "../src/core/tracer.ts"
import { MemoryExporter } from "../src/exporters/memory.ts"

/** A clock that stands still until it is told, and ids that count: byte-exact spans. */
export function fixedClock(wallMs = 1_700_000_000_000): Clock & { advance(ms: number): void } {
  let nowMs = 0
  return {
    wallMs: () => wallMs + nowMs,
    monotonicMs: () => nowMs,
    advance(ms) {
      nowMs += ms
    },
  }
}

export function countingIds(): IdSource {
  let next = 0
  return { traceId: () => (++next).toString(16).padStart(32, "0"), spanId: () => (++next).toString(16).padStart(16, "0") }
}

/** A real tracer with its own scopes, a clock and ids under control, and an exporter that keeps everything. */
export function testTracer(setup: Partial<TracerSetup> = {}): {
  tracer: Tracer
  exporter: MemoryExporter
  clock: ReturnType<typeof fixedClock>
  lines: string[]
} {
  const exporter = new MemoryExporter()
  const clock = fixedClock()
  const lines: string[] = []
  const tracer = new Tracer({
    scopeManager: new ScopeManager(new AsyncLocalStorage<Scope | null>()),
    exporter,
    clock,
    binary: binaryFormat,
    ids: countingIds(),
    report: createReport((line) => lines.push(line)),
    ...setup,
  })
  return { tracer, exporter, clock, lines }
}
