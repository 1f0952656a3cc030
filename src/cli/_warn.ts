/** A line on standard error. */
export function warn(message: string): void {
  process.stderr.write(`[antifreeze] ${message}\n`)
}
