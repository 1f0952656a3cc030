import type { End, Tags, Trace } from "../core/contracts.ts"
import { type Report, subscribe, undoAll } from "./_channel.ts"

/** What a library publishes through a TracingChannel: one object for each call, the same at every step. */
export interface Published {
  readonly error?: unknown
  readonly result?: unknown
}

interface WatchOptions<Message> {
  /** Whether a message becomes a span (default: each). */
  isWanted?(message: Message): boolean
  /** Starts a span in the context of the caller, where the message is published in another. */
  resume?(start: () => void): void
}

/** Traces what a library publishes on its TracingChannel; returns undo. */
export function watchChannel<Message extends Published>(
  channel: string,
  trace: Trace<Message>,
  report: Report,
  { isWanted = () => true, resume = (start) => start() }: WatchOptions<Message> = {},
): () => void {
  // Only "start" is published in the caller's context: the others come from whoever was first to use the connection. The message
  // itself carries the end, since a WeakMap costs the garbage collector more than all the rest.
  const end = Symbol(channel)
  const begin = trace.begin ?? ((message: Message) => trace(message, (operation) => operation.defer()))
  type Carrying = Message & { [end]?: End<unknown> | undefined }
  const settled = (message: Carrying) => message[end]?.(message.error, message.result)
  return undoAll([
    subscribe<Carrying>(
      `tracing:${channel}:start`,
      (message) => {
        if (isWanted(message)) resume(() => void (message[end] = begin(message)))
      },
      report,
    ),
    // Not "asyncEnd": that is after the caller's callback. And "error" alone tells of a call that threw at once.
    subscribe(`tracing:${channel}:asyncStart`, settled, report),
    subscribe(`tracing:${channel}:error`, settled, report),
  ])
}

/** Where the server is: the port is known only where there is one. */
export function serverTags(address: unknown, port: unknown): Tags {
  return { "server.address": address, "server.port": typeof address === "string" && address.startsWith("/") ? undefined : port }
}

interface Failure {
  readonly name?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly stack?: unknown
}

/**
 * What may be told of a server's error. Servers quote what they were sent, and do not escape it: all from the first quote to
 * the last is left out. A message that comes from the user's own procedure is left out as a whole.
 */
export function tellFailure(error: unknown, status?: unknown, isOwnMessage = false): { error: unknown; tags: Tags } {
  const tags = { "db.response.status_code": status === undefined ? undefined : String(status) }
  if (error === null || typeof error !== "object") return { error: typeof error, tags }
  const { name, code, message, stack } = error as Failure
  const told = isOwnMessage
    ? ""
    : String(message ?? "")
        .replace(/["'`][\s\S]*/, maskQuoted)
        .trimEnd()
  // The stack begins with the message.
  const frames = String(stack ?? "").match(/^ {4}at .*$/gm)
  return { error: { name, code, message: told, stack: [`${name}: ${told}`, ...(frames ?? [])].join("\n") }, tags }
}

function maskQuoted(text: string): string {
  const end = Math.max(text.lastIndexOf("'"), text.lastIndexOf('"'), text.lastIndexOf("`"))
  return `?${end > 0 ? text.slice(end + 1) : ""}`
}
