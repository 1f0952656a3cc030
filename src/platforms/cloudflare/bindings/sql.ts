const MAX_TEXT = 2_000

/** SQL without its literals. What was bound is never looked at. */
export function cleanSql(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined
  return text
    .slice(0, MAX_TEXT)
    .replace(/'(?:[^']|'')*'?|\b\d+(?:\.\d+)?\b/g, "?")
    .replace(/\s+/g, " ")
    .trim()
}
