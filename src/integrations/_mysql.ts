import type { Description } from "../core/contracts.ts"
import { serverTags, tellFailure } from "./_db.ts"
import { readSql } from "./_sql.ts"

/** What is known of a query or of the execution of a prepared statement, whichever client makes it. */
export interface MysqlCall {
  readonly query?: string | undefined
  readonly database?: string | undefined
  readonly serverAddress?: string | undefined
  readonly serverPort?: number | undefined
  /** Sets of values, where there are several. */
  readonly batchSize?: number | undefined
}

/** OpenTelemetry semantic conventions 1.44, "MySQL" and "MariaDB". */
export function describeMysql(call: MysqlCall, system = "mysql"): Description {
  const { query, database, serverAddress, serverPort, batchSize } = call
  const { text, summary, operation, collection } = readSql(query ?? "", "mysql")
  return {
    operationName: summary || database || system,
    kind: "client",
    tags: {
      "db.system.name": system,
      "db.query.text": text || undefined,
      "db.query.summary": summary || undefined,
      "db.operation.name": operation,
      "db.operation.batch.size": batchSize,
      "db.collection.name": collection,
      "db.namespace": database || undefined,
      ...serverTags(serverAddress, serverPort),
    },
  }
}

/** MariaDB's client says the statement with its values in `message`, and what the server said in `sqlMessage`. */
export function tellMysql(error: unknown): ReturnType<typeof tellFailure> {
  const { name, code, errno, sqlState, sqlMessage, message, stack } = (error ?? {}) as Record<string, unknown>
  const told = sqlMessage === undefined ? error : { name, code, message: sqlMessage, stack: String(stack).replace(String(message), "") }
  // 45000 is what SIGNAL gives in a stored procedure.
  return tellFailure(told, errno, sqlState === "45000")
}
