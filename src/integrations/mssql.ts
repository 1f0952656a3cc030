import type { Integration } from "../core/contracts.ts"
import { ignore, type Report, subscribe, undoAll } from "./_channel.ts"
import { type Published, serverTags, tellFailure, watchChannel } from "./_db.ts"
import { type Method, patchMethod, whenLoaded } from "./_patch.ts"
import { readSql } from "./_sql.ts"

/** What mssql publishes: one of a text, a stored procedure, a prepared statement, the table of a bulk load, and a connection. */
export interface MssqlCall extends Published, Partial<Connect> {
  readonly command?: string
  readonly procedure?: string
  readonly statement?: string
  readonly table?: string
  readonly rowCount?: number
}

interface Connect extends Published {
  readonly poolId?: unknown
  readonly server?: string
  readonly port?: number
  readonly database?: string
}

interface Library {
  readonly Request?: { readonly prototype: object }
  readonly PreparedStatement?: { readonly prototype: object }
}
interface Streaming {
  readonly stream: boolean | null
  on?(event: symbol, listener: (error: unknown) => void): void
}

/**
 * Transact-SQL, as `_sql.ts` reads it. Block comments nest. A text in double quotes is a name or a literal, by a setting; one after a
 * currency's sign is a number.
 */
export const TRANSACT_SQL: RegExp =
  /(\s+|--[^\n\r]*|\/\*)|('(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\p{Sc}\s*[-+]?[\d.][\w.]*|\.?\d[\w.]*(?:(?<=e)[+-]\d+)?)|([a-z_#\u0080-\uffff][\w@$#\u0080-\uffff]*|\[(?:[^\]]|\]\])*\])|\[[\s\S]*|@@?[\w$#]+|[\s\S]/giuy

const pools = new Map<unknown, Connect>()

/** Remembers where pools are connected to: their requests say only which pool it is. Returns undo. */
export function rememberPools(): () => void {
  return undoAll([
    subscribe<Connect>("tracing:mssql:connect:start", (pool) => void pools.set(pool.poolId, pool), ignore),
    subscribe<Connect>("tracing:mssql:connect:error", ({ poolId }) => void pools.delete(poolId), ignore),
    subscribe<Connect>("mssql:pool:close", ({ poolId }) => void pools.delete(poolId), ignore),
  ])
}

/**
 * Traces mssql, from the version that publishes: a span for each query, batch, procedure, bulk load and execution of a statement, and
 * for a connection that fails.
 */
export const mssqlIntegration: Integration<MssqlCall> = {
  name: "mssql",

  watch(trace, report: Report = ignore) {
    const streams = new Streams()
    const caller = Symbol("caller")
    type Connecting = Connect & { [caller]?: <T>(fn: () => T) => T }
    const isWanted = (call: MssqlCall) => {
      streams.started = call
      return true
    }
    const channels = ["query", "batch", "execute", "bulk", "prepared-statement:execute"]
    return undoAll([
      ...channels.map((channel) => watchChannel<MssqlCall>(`mssql:${channel}`, trace, report, { isWanted })),
      subscribe<Connecting>("tracing:mssql:connect:start", (pool) => void (pool[caller] = trace.capture?.() ?? ((fn) => fn())), report),
      // The queries that have waited for it are never made.
      subscribe<Connecting>("tracing:mssql:connect:error", (pool) => pool[caller]?.(() => trace.begin?.(pool)?.(pool.error)), report),
      whenLoaded("mssql", ({ Request, PreparedStatement }: Library) => [
        ...["query", "batch", "execute", "bulk"].flatMap((name) => patchMethod(Request?.prototype, name, (call) => streams.follow(call))),
        ...patchMethod(PreparedStatement?.prototype, "execute", publishStream),
      ]),
    ])
  },

  /** OpenTelemetry semantic conventions 1.44, "Microsoft SQL Server". */
  describe({ command, statement, procedure, table, rowCount, ...pool }) {
    const { server, port, database } = pools.get(pool.poolId) ?? pool
    const { text, summary, operation, collection } = readSql(command ?? statement ?? "", TRANSACT_SQL)
    const target = procedure ?? table
    const name = procedure === undefined ? "BULK INSERT" : "EXECUTE"
    return {
      operationName: target === undefined ? summary || (database ?? "mssql") : `${name} ${target}`,
      kind: "client",
      tags: {
        "db.system.name": "microsoft.sql_server",
        "db.query.text": text || undefined,
        "db.query.summary": target === undefined ? summary || undefined : `${name} ${target}`,
        "db.operation.name": target === undefined ? operation : name,
        "db.operation.batch.size": rowCount,
        "db.collection.name": table ?? collection,
        "db.stored_procedure.name": procedure,
        "db.namespace": database,
        ...serverTags(server, port),
      },
    }
  },

  tell(error) {
    const { number } = (error ?? {}) as { number?: unknown }
    // The client's own errors have their code there. Transact-SQL reference, RAISERROR and THROW: the user's own are 50000 or more.
    const status = typeof number === "number" ? number : undefined
    return tellFailure(error, status, status !== undefined && status >= 50_000)
  },
}

/** A request that streams tells its errors by events alone: its channel publishes a success. */
class Streams {
  /** What was published last: by the request that is being made. */
  started: { error?: unknown } | undefined
  readonly #calls = new WeakMap<object, { error?: unknown } | undefined>()

  follow(make: Method): Method {
    const streams = this
    return function (this: Streaming, ...args) {
      const made: unknown = Reflect.apply(make, this, args)
      if (this.stream) streams.#listen(this)
      return made
    }
  }

  #listen(request: Streaming): void {
    const calls = this.#calls
    // Once for a request, and unseen: one that listens for "error" would keep an unhandled one from its way.
    if (!calls.has(request)) {
      const { errorMonitor } = process.getBuiltinModule("node:events")
      request.on?.(errorMonitor, (error) => {
        const call = calls.get(request)
        if (call !== undefined) call.error ??= error
      })
    }
    calls.set(request, this.started)
  }
}

/** With a callback that does nothing, a statement that streams is published as well. */
function publishStream(execute: Method): Method {
  return function (this: Streaming, values: unknown, callback: unknown) {
    return Reflect.apply(execute, this, [values, this.stream && typeof callback !== "function" ? () => {} : callback])
  }
}
