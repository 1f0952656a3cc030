/** Where journals are: the environment's own temporary folder, which the next process in it finds again. */
export function journalFolder(): string {
  return `${process.env["TMPDIR"] || "/tmp"}/antifreeze-journal`
}
