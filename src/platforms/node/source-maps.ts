import type { SourceMap } from "node:module"
import type { LogRecord, SpanRecord, TagValue } from "../../core/contracts.ts"

/** Where in its last bytes a bundle says where its map is. */
const TAIL_BYTES = 4096
const MAX_MAP_BYTES = 32 * 1024 * 1024

const maps = new Map<string, SourceMap | undefined>()

/**
 * Rewrites the frames of error stacks to the places in the sources that they were compiled from (ECMA-426), where a bundle has a
 * map beside it or in it. Called when the response is out: nothing is parsed at start, and what the function sees of its errors stays.
 */
export function mapStacks(spans: readonly SpanRecord[]): void {
  for (const { logs } of spans) for (const log of logs) mapStackOf(log)
}

function mapStackOf({ fields }: LogRecord): void {
  const stack = fields.get("stack")
  if (typeof stack !== "string") return
  try {
    const mapped = mapStack(stack)
    if (mapped !== stack) (fields as Map<string, TagValue>).set("stack", mapped)
  } catch {
    // The stack as it is still says something.
  }
}

function mapStack(stack: string): string {
  return stack.replace(/(?<=\n {4}at .*)((?:file:\/\/)?\/[^():\n]+):(\d+):(\d+)/g, (place, file: string, line: string, column: string) => {
    const entry = mapOf(file)?.findEntry(Number(line) - 1, Number(column) - 1)
    if (entry === undefined || !("originalSource" in entry)) return place
    const { originalSource, originalLine, originalColumn } = entry
    return `${sourceOf(originalSource, file)}:${originalLine + 1}:${originalColumn + 1}`
  })
}

function sourceOf(source: string, file: string): string {
  const { pathToFileURL, fileURLToPath } = process.getBuiltinModule("node:url")
  const url = new URL(source, file.startsWith("file:") ? file : pathToFileURL(file))
  return url.protocol === "file:" ? fileURLToPath(url) : url.href
}

function mapOf(file: string): SourceMap | undefined {
  if (!maps.has(file)) {
    maps.set(file, undefined)
    maps.set(file, readMap(file))
  }
  return maps.get(file)
}

function readMap(file: string): SourceMap | undefined {
  const { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } = process.getBuiltinModule("node:fs")
  const { fileURLToPath, pathToFileURL } = process.getBuiltinModule("node:url")
  const path = file.startsWith("file:") ? fileURLToPath(file) : file
  const opened = openSync(path, "r")
  let tail: string
  try {
    const { size } = fstatSync(opened)
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES))
    readSync(opened, bytes, 0, bytes.length, size - bytes.length)
    tail = bytes.toString("latin1")
    // A map within the file is as long as it is.
    if (tail.length === TAIL_BYTES && !tail.includes("sourceMappingURL=") && size <= MAX_MAP_BYTES && /^[\w+/=\s]+$/.test(tail)) {
      tail = readFileSync(path, "latin1")
    }
  } finally {
    closeSync(opened)
  }
  const url = [...tail.matchAll(/\/\/[#@] sourceMappingURL=(\S+)/g)].at(-1)?.[1]
  if (url === undefined) return undefined
  const { SourceMap } = process.getBuiltinModule("node:module")
  const inline = /^data:application\/json[^,]*;base64,(.*)$/.exec(url)?.[1]
  if (inline !== undefined) return new SourceMap(JSON.parse(Buffer.from(inline, "base64").toString()))
  const mapPath = fileURLToPath(new URL(url, pathToFileURL(path)))
  return statSync(mapPath).size > MAX_MAP_BYTES ? undefined : new SourceMap(JSON.parse(readFileSync(mapPath, "utf8")))
}
