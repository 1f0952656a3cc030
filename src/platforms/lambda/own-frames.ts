/**
 * Takes our frames, and those of Node between them, out of the stack of an error on its way to the runtime: an error is
 * reported as it would be without the layer. `ownFolder` is the folder that the layer's code is in.
 */
export function hideOwnFrames(error: unknown, ownFolder: string): void {
  try {
    const { stack } = error as { stack?: unknown }
    if (typeof stack !== "string" || !stack.includes(ownFolder)) return
    const kept: string[] = []
    let nodes: string[] = []
    let isAfterOwn = false
    for (const line of stack.split("\n")) {
      const isFrame = line.startsWith("    at ")
      if (isFrame && line.includes(ownFolder)) {
        isAfterOwn = true
        nodes = []
      } else if (isFrame && isAfterOwn && /\(node:|\(<anonymous>\)/.test(line)) {
        nodes.push(line)
      } else {
        kept.push(...nodes, line)
        isAfterOwn = false
        nodes = []
      }
    }
    ;(error as Error).stack = [...kept, ...nodes].join("\n")
  } catch {
    // A stack that cannot be read or written stays as it is.
  }
}
