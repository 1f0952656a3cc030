import type { Readable } from "node:stream"

export interface Logs {
  /** Collects what is written to `stream`, line by line for `onLine`. */
  attach(stream: Readable, name: "stdout" | "stderr"): void
  /** Everything since the last `take`. Waits until nothing more is in the pipes. */
  take(): Promise<string>
}

/** Bounded: past the limit the end is dropped, and the text says how much. */
export function collectLogs(limitBytes: number, onLine?: (line: string, stream: "stdout" | "stderr") => void): Logs {
  let chunks: Buffer[] = []
  let keptBytes = 0
  let droppedBytes = 0
  let arrivals = 0

  return {
    attach(stream, name) {
      let rest = ""
      stream.on("data", (chunk: Buffer) => {
        arrivals++
        const room = limitBytes - keptBytes
        if (room > 0) chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
        keptBytes += Math.min(room, chunk.length)
        droppedBytes += Math.max(0, chunk.length - room)
        if (!onLine) return
        const lines = (rest + chunk.toString()).split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) onLine(line, name)
      })
      stream.on("end", () => {
        if (rest && onLine) onLine(rest, name)
        rest = ""
      })
    },
    async take() {
      // Node writes to pipes synchronously, so what a frozen runtime wrote is in the pipe already: read until a turn brings nothing.
      for (let quiet = 0; quiet < 2; ) {
        const before = arrivals
        await new Promise((resolve) => setImmediate(resolve))
        quiet = arrivals === before ? quiet + 1 : 0
      }
      const text = Buffer.concat(chunks).toString() + (droppedBytes ? `\n[antifreeze] ${droppedBytes} bytes of output dropped.\n` : "")
      chunks = []
      keptBytes = droppedBytes = 0
      return text
    },
  }
}
