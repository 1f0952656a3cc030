import type * as Fs from "node:fs"
import type { Batch } from "../../core/batch.ts"
import type { Urgent } from "../../core/contracts.ts"
import type { Report } from "../../core/report.ts"
import type { Span } from "../../core/span.ts"
import { ending, type Journal } from "./ending.ts"
import { entryOf, readEntries } from "./journal-entries.ts"
import { journalFolder } from "./journal-folder.ts"

/** Nothing is written past this. */
const MAX_BYTES = 8 * 1024 * 1024
/** What killed processes may leave behind before the oldest of it is given up. */
const MAX_FILES = 16
const OURS = /^[0-9a-f]{16}(\.sent)*\.journal$/
/** Sent twice, each time by a process that ended before the answer: it has arrived. */
const ARRIVED = ".sent.sent.journal"

/** The journal of this process or its outbox, made at its first use. */
export function journalFor(report: Report, which: "journal" | "outbox" = "journal"): Journal | undefined {
  if (ending[which] === undefined) ending[which] = openJournal(journalFolder(), report)
  return ending[which] ?? undefined
}

/**
 * A file of one line for each thing that became known: a span has started, has its tags, has ended; the last one counts. It is
 * written synchronously, since a process that is killed does nothing more: what `write` has given to the system survives it.
 */
export function openJournal(folder: string, report: Report): Journal | null {
  const fs = process.getBuiltinModule("node:fs")
  let file: string
  let descriptor: number
  try {
    ;({ file, descriptor } = create(fs, folder))
  } catch (error) {
    report("journal", `no journal can be kept in ${folder}: ${String(error)}. What is not delivered when the process is killed is lost.`)
    return null
  }
  const begun = new WeakSet<Batch>()
  /** Started in this turn of the event loop: most of their tags come after. */
  const young = new Set<Span>()
  let bytes = 0

  const append = (line: string): boolean => {
    if (bytes + Buffer.byteLength(line) > MAX_BYTES) return false
    try {
      bytes += fs.writeSync(descriptor, line)
      return true
    } catch (error) {
      report("journal", `the journal cannot be written: ${String(error)}.`)
      return false
    }
  }
  const writeSpans = (spans: readonly Span[]): void => {
    const urgent = spans[0]?.tracer().exporter?.urgent
    if (urgent !== undefined) append(entryOf(urgent.encode(spans)))
  }
  const grow = (): void => {
    const still = [...young].filter((span) => span.durationUs === undefined)
    young.clear()
    writeSpans(still)
  }

  return {
    file,
    begin(batch) {
      if (begun.has(batch)) return
      begun.add(batch)
      writeSpans(batch.spans)
    },
    write(span) {
      writeSpans([span])
      if (span.durationUs !== undefined) return
      if (young.size === 0) setImmediate(grow).unref()
      young.add(span)
    },
    keep: (body) => append(entryOf(body)),
    clear() {
      young.clear()
      if (bytes === 0) return
      bytes = 0
      try {
        fs.ftruncateSync(descriptor, 0)
      } catch (error) {
        report("journal", `the journal cannot be emptied: ${String(error)}. Its spans may be delivered twice.`)
      }
    },
  }
}

/** A fresh file that nobody else can read, in a folder that is ours: in a shared one, a name may be somebody else's trap. */
function create(fs: typeof Fs, folder: string): { file: string; descriptor: number } {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (!isOurs(fs.lstatSync(folder), "folder")) throw new Error("it belongs to somebody else")
  const name = [0, 0]
    .map(() =>
      Math.floor(Math.random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0"),
    )
    .join("")
  const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants
  const file = `${folder}/${name}.journal`
  return { file, descriptor: fs.openSync(file, O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600) }
}

function isOurs(stat: Fs.Stats, kind: "folder" | "file"): boolean {
  return (kind === "folder" ? stat.isDirectory() : stat.isFile()) && stat.uid === process.getuid?.()
}

/**
 * Delivers what earlier processes of this environment have left, and removes it; false when it is still there. Runs beside an
 * invocation, never rejects, and is bounded as every delivery is.
 */
export async function recover(urgent: Urgent | undefined, folder: string, report: Report): Promise<boolean> {
  try {
    const fs = process.getBuiltinModule("node:fs")
    const remove = (files: readonly string[]) => files.forEach((file) => void fs.rmSync(file, { force: true }))
    const all = leftBehind(fs, folder)
    const left = all.filter((file) => !file.endsWith(ARRIVED))
    const tooOld = left.splice(0, Math.max(0, left.length - MAX_FILES))
    if (tooOld.length > 0)
      report("journal", `${tooOld.length} journals of killed processes are given up: there are more than ${MAX_FILES}.`)
    remove(all.filter((file) => !left.includes(file)))
    const body = readEntries(left.map((file) => read(fs, file)))
    if (body !== undefined && !(await deliver(fs, urgent, body, left))) return false
    remove(left)
    return true
  } catch (error) {
    report("journal", `what an earlier process has left in ${folder} was not delivered: ${String(error)}.`)
    return false
  }
}

/** The files have other names from when the system has the body until the endpoint has answered: this process may end before that. */
async function deliver(fs: typeof Fs, urgent: Urgent | undefined, body: string, files: string[]): Promise<boolean> {
  const rename = (names: readonly string[]) => {
    for (const [at, name] of names.entries()) {
      try {
        fs.renameSync(files[at] as string, name)
        files[at] = name
      } catch {
        // The function has emptied its temporary folder.
      }
    }
  }
  const sent = files.map((file) => file.replace(/journal$/, "sent.journal"))
  let isTaken: boolean | undefined
  try {
    isTaken = await urgent?.post(body, { onSent: () => rename(sent) })
    return isTaken === true
  } finally {
    if (!isTaken) rename(files.map((file) => file.replace(/(\.sent)*\.journal$/, ".journal")))
  }
}

/** The oldest first. What is not ours is neither read nor removed. */
function leftBehind(fs: typeof Fs, folder: string): string[] {
  if (!isOurs(fs.lstatSync(folder), "folder")) return []
  return fs
    .readdirSync(folder)
    .filter((name) => OURS.test(name))
    .map((name) => ({ file: `${folder}/${name}`, stat: fs.lstatSync(`${folder}/${name}`) }))
    .filter(({ file, stat }) => isOurs(stat, "file") && file !== ending.journal?.file && file !== ending.outbox?.file)
    .sort((a, b) => a.stat.mtimeMs - b.stat.mtimeMs)
    .map(({ file }) => file)
}

function read(fs: typeof Fs, file: string): string {
  const { O_NOFOLLOW, O_RDONLY } = fs.constants
  const descriptor = fs.openSync(file, O_RDONLY | O_NOFOLLOW)
  try {
    const { size } = fs.fstatSync(descriptor)
    // None of ours is longer; to read one would hold up the first invocation.
    if (size > MAX_BYTES) return ""
    const bytes = Buffer.allocUnsafe(size)
    return bytes.toString("utf8", 0, fs.readSync(descriptor, bytes, 0, bytes.length, 0))
  } finally {
    fs.closeSync(descriptor)
  }
}
