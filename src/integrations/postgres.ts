import type { End, Integration, Trace } from "../core/contracts.ts"
import { tellFailure } from "./_db.ts"
import { type Method, patchMethod, whenLoaded } from "./_patch.ts"
import { readSql } from "./_sql.ts"

/** A query of postgres.js: a promise that starts when somebody waits for it. */
export interface PostgresQuery {
  /** The text around the values of a template, or the whole text. */
  readonly strings: readonly string[]
  readonly executed?: boolean
  /** Set by a cursor, and by `for await`. */
  readonly cursorFn?: unknown
  resolve: Method
  reject: Method
}

interface Library {
  readonly prototype?: object
  readonly Query?: { readonly prototype: object }
}

/** Traces postgres (postgres.js) 3: a span for each query, from its start to its end; cursors, `forEach` and COPY as well. */
export const postgresIntegration: Integration<PostgresQuery> = {
  name: "postgres",

  watch(trace) {
    return whenLoaded("postgres", (target: Library) => {
      const owners = [target, target.prototype, target.Query?.prototype]
      return owners.flatMap((owner) =>
        owner !== undefined && "handle" in owner && "cursor" in owner
          ? patchMethod(owner, "handle", (handle) => traceStart(handle, trace))
          : [],
      )
    })
  },

  describe({ strings }) {
    // Where a value stands, the library puts a parameter; a fragment in its place is not known before.
    const sql = strings.reduce((text, part, at) => `${text}$${at}${part}`)
    const { text, summary, operation, collection } = readSql(sql, "postgresql")
    return {
      operationName: summary || "postgresql",
      kind: "client",
      tags: {
        "db.system.name": "postgresql",
        "db.query.text": text || undefined,
        "db.query.summary": summary || undefined,
        "db.operation.name": operation,
        "db.collection.name": collection,
      },
    }
  },

  tell(error) {
    const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown }
    // P0001 is what RAISE gives in a function.
    return tellFailure(error, severity === undefined ? undefined : code, code === "P0001")
  },
}

/** `traced` of a client is that of its queries' class, which is found nowhere else: one that nobody waits for never starts. */
export function byItsQueries(hand: <T extends object>(target: T) => T): <T extends object>(sql: T) => T {
  return (sql) => {
    if (typeof sql !== "function" || "handle" in ((sql as { prototype?: object }).prototype ?? {})) return hand(sql)
    const query: unknown = (sql as unknown as (strings: TemplateStringsArray) => unknown)(Object.assign([""], { raw: [""] }))
    if (query !== null && typeof query === "object") hand(Object.getPrototypeOf(query) as object)
    return sql
  }
}

/** The query is a lazy thenable: to wait for it would start it. So it is watched from within. */
function traceStart(handle: Method, trace: Trace<PostgresQuery>): Method {
  return function (this: PostgresQuery) {
    if (this.executed === true || !Array.isArray(this.strings)) return Reflect.apply(handle, this, [])
    return trace(this, (operation) => {
      if (operation.context !== undefined) {
        const end = operation.defer()
        watchSettling(this, "resolve", () => end())
        watchSettling(this, "reject", end)
      }
      return Reflect.apply(handle, this, [])
    })
  }
}

function watchSettling(query: PostgresQuery, name: "resolve" | "reject", end: End<unknown>): void {
  let current = query[name]
  if (!query.cursorFn) {
    query[name] = (value: unknown) => {
      end(value)
      return current(value)
    }
    return
  }
  // `for await` replaces these functions for each batch of rows.
  Object.defineProperty(query, name, {
    configurable: true,
    enumerable: true,
    get:
      () =>
      (...args: unknown[]) => {
        end(args[0])
        return current(...args)
      },
    set(replaced: Method) {
      current = replaced
    },
  })
}
