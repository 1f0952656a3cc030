/** What antifreeze tells its user at run time: one line for each kind of trouble, and a count of all of it. */
export interface Report {
  /** Counts the trouble; the first of its code is also written, as one line. Never throws. */
  (code: ReportCode, message: string): void
  readonly counts: ReadonlyMap<ReportCode, number>
}

export type ReportCode =
  | "capture"
  | "config"
  | "delivery"
  | "extension"
  | "instrumentation"
  | "invocation"
  | "journal"
  | "rejected"
  | "span-limit"
  | "unsupported"
  | "watchdog"

/** `write` gets the finished line; leave it out to keep silent and only count. */
export function createReport(write?: (line: string) => void): Report {
  const said = new Set<string>()
  const counts = new Map<ReportCode, number>()
  const report = (code: ReportCode, message: string) => {
    counts.set(code, (counts.get(code) ?? 0) + 1)
    // Every wrong setting has to be named; of all other trouble the first case tells the story.
    const key = code === "config" ? message : code
    if (said.has(key) || write === undefined) return
    said.add(key)
    try {
      write(`[antifreeze] ${message}`)
    } catch {
      // A broken console must not reach the function.
    }
  }
  return Object.assign(report, { counts })
}
