import type { Integration } from "../core/contracts.ts"
import { ignore, type Report, subscribe, undoAll } from "./_channel.ts"
import { type Published, serverTags, tellFailure, watchChannel } from "./_db.ts"
import { readSql } from "./_sql.ts"

/** What mssql publishes: one of a text, a stored procedure, a prepared statement and the table of a bulk load. */
export interface MssqlCall extends Published {
  readonly command?: string
  readonly procedure?: string
  readonly statement?: string
  readonly table?: string
  readonly rowCount?: number
  readonly poolId?: unknown
}

interface Connect {
  readonly poolId?: unknown
  readonly server?: string
  readonly port?: number
  readonly database?: string
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
    subscribe<Connect>("mssql:pool:close", ({ poolId }) => void pools.delete(poolId), ignore),
  ])
}

/** Traces mssql, from the version that publishes: a span for each query, batch, procedure, bulk load and execution of a statement. */
export const mssqlIntegration: Integration<MssqlCall> = {
  name: "mssql",

  watch(trace, report: Report = ignore) {
    const channels = ["query", "batch", "execute", "bulk", "prepared-statement:execute"]
    return undoAll(channels.map((channel) => watchChannel(`mssql:${channel}`, trace, report)))
  },

  /** OpenTelemetry semantic conventions 1.44, "Microsoft SQL Server". */
  describe({ command, statement, procedure, table, rowCount, poolId }) {
    const { server, port, database } = pools.get(poolId) ?? {}
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
