import { median } from "./_figures.ts"

/** What the benchmarks keep. Raw figures, so that every table can be computed again. */
export interface WarmCell {
  readonly runtime: string
  readonly setting: string
  /** Response latencies in milliseconds, one for each round. */
  readonly responseMs: Readonly<Record<"bare" | "floor" | "ours" | "awaited", number[]>>
  /** Rounds whose spans did not all arrive before the freeze (ours). */
  readonly missed: number
}

export interface ColdCell {
  readonly runtime: string
  readonly variant: string
  /** Init in milliseconds, one for each start: spawn to everything at `next`. */
  readonly initMs: number[]
  /** Response of the first invocation. */
  readonly firstMs: number[]
}

export interface DeliveryCell {
  readonly runtime: string
  readonly mode: "after" | "adaptive" | "before"
  /** Of back-to-back invocations, in milliseconds. */
  readonly responseMs: readonly number[]
  /** From the response to the freeze: billed, and nothing that the client waits for. */
  readonly heldMs: readonly number[]
  /** What the endpoint was asked for them all. */
  readonly requests: number
  readonly invoked: number
  /** Root spans that had arrived when the environment had been shut down. */
  readonly delivered: number
}

/** One figure for each start. */
export interface WatchdogCell {
  readonly runtime: string
  readonly watched: boolean
  /** Of the process, after its last invocation. */
  readonly cpuMs: number[]
  readonly rssMiB: number[]
  readonly firstHeldMs: number[]
  /** Median of the warm ones. */
  readonly responseMs: number[]
}

export const STORE_WAYS = ["bare", "antifreeze", "opentelemetry"] as const
export type StoreWay = (typeof STORE_WAYS)[number]

/** CPU of a call in microseconds, in two rounds that follow each other; of the bare client nothing is traced in either. */
export interface StorePair {
  readonly tracedUs: number
  readonly untracedUs: number
}

/** One library's calls. No way where OpenTelemetry has no instrumentation. */
export interface StoreCell {
  readonly library: string
  readonly ways: Partial<Record<StoreWay, StorePair[]>>
}

/** A call that is not traced. */
export function callUs({ ways }: StoreCell, way: StoreWay): number | undefined {
  return ways[way] && median(ways[way].map(({ untracedUs }) => untracedUs))
}

/** What a trace adds to it. */
export function addedUs({ ways }: StoreCell, way: StoreWay): number | undefined {
  return ways[way] && median(ways[way].map(({ tracedUs, untracedUs }) => tracedUs - untracedUs))
}

/** A layer's parts, each variant with one more than that before it. */
export interface LayerColdCell {
  readonly runtime: string
  readonly function: string
  readonly variant: string
  /** Init in milliseconds, one for each start: spawn to everything at `next`. */
  readonly initMs: number[]
  /** Response of the first invocation. */
  readonly firstMs: number[]
}

export const FIRST_MEMORY_MB = [128, 512, 1769] as const

/** Cold starts of functions of one size: milliseconds, one for each start. */
export interface FirstCell {
  readonly runtime: string
  readonly memoryMb: number
  readonly ways: Readonly<Record<"bare" | "floor" | "ours", { initMs: number[]; firstMs: number[]; heldMs: number[] }>>
}
