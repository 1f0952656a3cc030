import type { Integration } from "../core/contracts.ts"
import { ignore, type Report, subscribe, undoAll } from "./_channel.ts"
import { type Published, serverTags, tellFailure, watchChannel } from "./_db.ts"
import { readSql } from "./_sql.ts"

/** What mysql2 publishes of a query or the execution of a prepared statement. */
export interface MysqlQuery extends Published {
  /** With the values in their places, where `query` was called. */
  readonly query?: string
  readonly database?: string
  readonly serverAddress?: string
  readonly serverPort?: number | undefined
}

type Resume = (start: () => void) => void

const run: Resume = (start) => start()

/** Traces mysql2, from 3.20, its promises, pools and clusters too: a span for each query and each execution. */
export const mysql2Integration: Integration<MysqlQuery> = {
  name: "mysql2",

  watch(trace, report: Report = ignore) {
    // A query that has waited for a connection of the pool is made by whoever gives that connection back, in their context.
    const caller = Symbol("caller")
    type Wait = { [caller]?: Resume }
    const resumed: (Resume | undefined)[] = []
    const resume: Resume = (start) => (resumed.at(-1) ?? run)(start)
    return undoAll([
      watchChannel("mysql2:query", trace, report, { resume }),
      watchChannel("mysql2:execute", trace, report, { resume }),
      subscribe<Wait>("tracing:mysql2:pool:connect:start", (wait) => void (wait[caller] = trace.capture?.() ?? run), report),
      subscribe<Wait>("tracing:mysql2:pool:connect:asyncStart", (wait) => void resumed.push(wait[caller]), report),
      subscribe<Wait>("tracing:mysql2:pool:connect:asyncEnd", () => void resumed.pop(), report),
    ])
  },

  describe({ query, database, serverAddress, serverPort }) {
    const { text, summary, operation, collection } = readSql(String(query), "mysql")
    return {
      operationName: summary || "mysql",
      kind: "client",
      tags: {
        "db.system.name": "mysql",
        "db.query.text": text,
        "db.query.summary": summary || undefined,
        "db.operation.name": operation,
        "db.collection.name": collection,
        "db.namespace": database || undefined,
        ...serverTags(serverAddress, serverPort),
      },
    }
  },

  tell(error) {
    const { errno, sqlState } = (error ?? {}) as { errno?: unknown; sqlState?: unknown }
    // 45000 is what SIGNAL gives in a stored procedure.
    return tellFailure(error, errno, sqlState === "45000")
  },
}
