import type { End, Integration, Trace } from "../core/contracts.ts"
import { describeMysql, type MysqlCall, tellMysql } from "./_mysql.ts"
import { inCallersScope, type Method, patchMethod, whenLoaded } from "./_patch.ts"

interface Config {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly database?: string
}
/** A pool keeps the configuration of its connections within its own. */
interface Client {
  readonly config?: Config & { readonly connectionConfig?: Config }
}
interface Query {
  sql?: string
  _callback?: Method
  end?: Method
}
interface Library {
  readonly prototype?: object
}

/** Traces mysql 2 (mysqljs): a span for each query of a connection, a pool or a cluster, the wait for a connection included. */
export const mysqlIntegration: Integration<MysqlCall> = {
  name: "mysql",

  watch(trace) {
    // A query is given by a pool to a connection: it has its span then.
    const known = new WeakSet<object>()
    return whenLoaded("mysql", (target: Library, found) =>
      [target, target.prototype].flatMap((owner) => {
        if (owner === undefined) return []
        if ("acquireConnection" in owner || "_getClusterNode" in owner) {
          return [
            ...patchMethod(owner, "query", (query) => traceQuery(query, trace, known)),
            ...patchMethod(owner, "getConnection", (get) => bindCallback(get, trace, found)),
          ]
        }
        return "_implyConnect" in owner ? patchMethod(owner, "query", (query) => traceQuery(query, trace, known)) : []
      }),
    )
  },

  describe: (call) => describeMysql(call),

  tell: tellMysql,
}

function traceQuery(query: Method, trace: Trace<MysqlCall>, known: WeakSet<object>): Method {
  return function (this: Client, sql: string | Query, ...more: unknown[]) {
    if (typeof sql === "object" && sql !== null && known.has(sql)) return Reflect.apply(query, this, [sql, ...more])
    const { host, port, socketPath, database } = this.config?.connectionConfig ?? this.config ?? {}
    const text = typeof sql === "object" ? sql?.sql : sql
    const call = { query: text, database, serverAddress: socketPath ?? host, serverPort: socketPath === undefined ? port : undefined }
    const bound = more.map((arg) => (typeof arg === "function" ? inCallersScope(arg as Method, trace) : arg))
    return trace(call, (operation) => {
      const made = Reflect.apply(query, this, [sql, ...bound]) as Query
      if (operation.context !== undefined && made !== null && typeof made === "object") {
        known.add(made)
        watchEnd(made, operation.defer())
      }
      return made
    })
  }
}

/** Not by its events: to listen for errors would keep an unhandled one from its way. */
function watchEnd(query: Query, end: End<unknown>): void {
  const own = query.end
  query.end = function (error, ...more) {
    end(error)
    return own?.call(this, error, ...more)
  }
}

/** A caller who has waited for a connection is called by whoever gave one back. */
function bindCallback(get: Method, trace: Trace<MysqlCall>, found: (connection: object) => void): Method {
  return function (callback: Method) {
    const bound = inCallersScope(callback, trace)
    return Reflect.apply(get, this, [
      (error: unknown, connection?: object) => {
        if (connection !== undefined) found(connection)
        return bound(error, connection)
      },
    ])
  }
}
