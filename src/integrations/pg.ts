import type { End, Integration, Trace } from "../core/contracts.ts"
import { serverTags, tellFailure } from "./_db.ts"
import { inCallersScope, type Method, patchMethod, whenLoaded } from "./_patch.ts"
import { readSql } from "./_sql.ts"

export interface PgQuery {
  readonly client: { readonly database?: string; readonly host?: string; readonly port?: number }
  /** Text, a config object, or an object that submits itself: a Query, a cursor, a stream. */
  readonly query: string | Submittable | null | undefined
}

/** Calls its own handlers when it is done; a Query, pg-cursor, pg-query-stream and pg-copy-streams do. */
interface Submittable {
  readonly text?: string
  readonly name?: string
  readonly cursor?: { readonly text?: string }
  readonly submit?: unknown
  callback?: unknown
  handleError?: Method
  handleReadyForQuery?: Method
}

interface Library {
  readonly prototype?: object
  readonly Client?: { readonly prototype?: object }
  readonly Pool?: { readonly prototype?: object }
}

/** Traces pg and pg-pool, from 8: a span for each query of a client or of a pool, cursors and streams to their end. */
export const pgIntegration: Integration<PgQuery> = {
  name: "pg",

  watch(trace) {
    return whenLoaded("pg", (target: Library) => {
      const owners = [target, target.prototype, target.Client?.prototype, target.Pool?.prototype]
      return owners.flatMap((owner) => {
        if (owner === undefined) return []
        if ("_pulseQueryQueue" in owner) return patchMethod(owner, "query", (query) => traceQuery(query, trace))
        // A caller who has waited for a connection is called by whoever gave one back.
        return "_pulseQueue" in owner ? patchMethod(owner, "connect", (connect) => bindCallback(connect, trace)) : []
      })
    })
  },

  describe({ client, query }) {
    const prepared = typeof query === "string" ? undefined : query?.name
    const sql = typeof query === "string" ? query : (query?.text ?? query?.cursor?.text)
    const { text, summary, operation, collection } = readSql(String(sql ?? ""), "postgresql")
    return {
      operationName: summary || (client.database ?? "postgresql"),
      kind: "client",
      tags: {
        "db.system.name": "postgresql",
        "db.query.text": text || undefined,
        "db.query.summary": summary || prepared,
        "db.operation.name": operation,
        "db.collection.name": collection,
        "db.namespace": client.database,
        ...serverTags(client.host, client.port),
      },
    }
  },

  tell(error) {
    const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown }
    // P0001 is what RAISE gives in a function.
    return tellFailure(error, severity === undefined ? undefined : code, code === "P0001")
  },
}

/** The four ways in which `query` tells that it is done. */
function traceQuery(query: Method, trace: Trace<PgQuery>): Method {
  return function (config: string | Submittable, values: unknown, callback: unknown) {
    const args = [config, values, callback]
    const at = args.findLastIndex((arg) => typeof arg === "function")
    const bound = at < 0 ? undefined : inCallersScope(args[at] as Method, trace)
    const own =
      typeof config === "object" && typeof config?.callback === "function" ? inCallersScope(config.callback as Method, trace) : undefined
    return trace({ client: this, query: config }, (operation) => {
      if (typeof config === "object" && typeof config?.submit === "function") watchHandlers(config, operation.defer())
      else if (bound !== undefined) args[at] = endingWith(bound, operation.defer())
      else if (own !== undefined) args[0] = Object.create(config as object, { callback: { value: endingWith(own, operation.defer()) } })
      return Reflect.apply(query, this, args)
    })
  }
}

function endingWith(callback: Method, end: End<unknown>): Method {
  return function (error, result) {
    end(error, result)
    return Reflect.apply(callback, this, [error, result])
  }
}

/** Not by its events: to listen for errors would keep an unhandled one from its way. */
function watchHandlers(query: Submittable, end: End<unknown>): void {
  const { handleError, handleReadyForQuery } = query
  query.handleError = function (error, ...more) {
    end(error)
    return handleError?.call(this, error, ...more)
  }
  query.handleReadyForQuery = function (...args) {
    end()
    return handleReadyForQuery?.apply(this, args)
  }
}

function bindCallback(connect: Method, trace: Trace<PgQuery>): Method {
  return function (this: { options?: PgQuery["client"] }, callback?: Method) {
    // The query that has waited for the connection is never made.
    const fail = (error: unknown) => trace({ client: this.options ?? {}, query: undefined }, (operation) => operation.defer()(error))
    if (typeof callback === "function") {
      const bound = inCallersScope(callback, trace)
      const telling = inCallersScope(fail, trace)
      const given: Method = (error, ...more) => {
        if (error) telling(error)
        return bound(error, ...more)
      }
      return Reflect.apply(connect, this, [given])
    }
    const connecting: unknown = Reflect.apply(connect, this, [callback])
    if (!(connecting instanceof Promise)) return connecting
    return connecting.then(undefined, (error: unknown) => {
      fail(error)
      throw error
    })
  }
}
