/** Where the runtime was when it loaded us: its file, and its frames as lines of a stack. */
export interface RuntimeFrames {
  readonly file: string | undefined
  readonly lines: readonly string[]
}

/** Takes the stack now, and reads it when asked: making it text costs half a millisecond. */
export function runtimeFrames(ownUrl: string): () => RuntimeFrames {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 30
  const here = new Error()
  Error.stackTraceLimit = stackTraceLimit
  return () => {
    const lines = (here.stack ?? "").split("\n").slice(1)
    const first = lines.findIndex((line) => /\(file:|\(\//.test(line) && !isOwn(line, ownUrl))
    const [, file] = /\((.*?)(?::\d+)*\)$/.exec(lines[first] ?? "") ?? []
    return { file, lines: first < 0 ? [] : lines.slice(first) }
  }
}

/** Puts the runtime in our place, in the stack and where the message names who has loaded: what is reported is what would have been without us. */
export function hideFrames(error: unknown, ownUrl: string, { file, lines }: RuntimeFrames): void {
  try {
    if (!(error instanceof Error) || typeof error.stack !== "string") return
    const { message, stack } = error
    const ownPath = ownUrl.replace("file://", "")
    const path = file?.replace("file://", "")
    const named = (text: string) => (path === undefined ? text : text.replaceAll(ownPath, path))
    if (message.includes(ownPath)) error.message = named(message)
    const all = stack.split("\n")
    const from = all.findIndex((line) => isFrame(line) && isOwn(line, ownUrl))
    const before = from < 0 ? all : all.slice(0, from)
    const room = from < 0 ? 0 : all.length - from
    const restored = [...before.map((line) => (isFrame(line) ? line : named(line))), ...lines.slice(0, room)].join("\n")
    if (restored !== stack) error.stack = restored
  } catch {
    // A stack that cannot be read or written stays as it is.
  }
}

function isFrame(line: string): boolean {
  return line.startsWith("    at ")
}

/** All of our files are in one folder. */
function isOwn(line: string, ownUrl: string): boolean {
  return line.includes(ownUrl.slice(0, ownUrl.lastIndexOf("/") + 1).replace("file://", ""))
}
