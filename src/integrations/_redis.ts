import type { Description } from "../core/contracts.ts"
import { type Published, serverTags, tellFailure } from "./_db.ts"

/** What both Redis clients publish, of a command or of a batch. */
export interface RedisCall extends Published {
  readonly command?: string
  /** Masked for some commands only: none is ever read, just counted. */
  readonly args?: readonly unknown[]
  readonly batchMode?: string
  readonly batchSize?: number
  readonly database?: number
  readonly serverAddress?: string
  readonly serverPort?: number | undefined
}

// What a client says to introduce itself; nobody asked for it, and the trace would show it at whoever came first.
const HANDSHAKE = new Set(["hello", "client", "auth", "info", "select", "readonly"])

export function isCommand({ command, batchMode }: RedisCall): boolean {
  return batchMode === undefined && !HANDSHAKE.has(String(command).toLowerCase())
}

/** OpenTelemetry semantic conventions 1.44, "Redis client". */
export function describeRedis(call: RedisCall, argumentCount = 0): Description {
  const { command, batchMode, batchSize, database, serverAddress, serverPort } = call
  const operation = (batchMode ?? command ?? "").toUpperCase()
  // Keys are left out, too: a session's key is its password.
  const places = Math.min(argumentCount, 16)
  return {
    operationName: `${operation} ${serverAddress}${serverPort === undefined ? "" : `:${serverPort}`}`,
    kind: "client",
    tags: {
      "db.system.name": "redis",
      "db.operation.name": operation,
      "db.query.text": places > 0 ? `${operation}${" ?".repeat(places)}` : undefined,
      "db.operation.batch.size": batchSize,
      "db.namespace": database === undefined ? undefined : String(database),
      ...serverTags(serverAddress, serverPort),
    },
  }
}

/** Redis, "RESP protocol description": the first word of an error, in capitals, is its kind. */
export function tellRedis(error: unknown): ReturnType<typeof tellFailure> {
  const [, kind] = /^([A-Z]+) /.exec(String((error as Error | undefined)?.message)) ?? []
  return tellFailure(error, kind)
}
