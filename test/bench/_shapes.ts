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
