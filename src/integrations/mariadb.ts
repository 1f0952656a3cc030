import type { Integration } from "../core/contracts.ts"
import { Calls, remember } from "./_mariadb-calls.ts"
import { describeMysql, type MysqlCall, tellMysql } from "./_mysql.ts"
import { type Method, patchMethod, whenLoaded } from "./_patch.ts"

interface Library {
  readonly prototype?: object
}

const QUERIES = ["query", "execute", "batch", "queryStream"]
const CONTROL: Record<string, string> = { beginTransaction: "START TRANSACTION", commit: "COMMIT", rollback: "ROLLBACK" }

/** Traces mariadb 3, by promise and by callback: a span for each query, execution and batch, the wait for a connection included. */
export const mariadbIntegration: Integration<MysqlCall> = {
  name: "mariadb",

  watch(trace) {
    const calls = new Calls(trace)
    return whenLoaded("mariadb", (target: Library, found) =>
      [target, target.prototype].flatMap((owner) => {
        if (owner === undefined) return []
        const patch = (names: readonly string[], wrap: (original: Method, name: string) => Method) =>
          names.flatMap((name) => patchMethod(owner, name, (original) => wrap(original, name)))
        const traced = (call: Method, name: string) => calls.traced(call, CONTROL[name])
        // The classes that do the work know the server; only they are private.
        if ("prepareExecute" in owner) return patch(["query", "prepareExecute", "batch", "changeTransaction"], (work) => calls.noting(work))
        if ("_onNewConnection" in owner) return patch(["getConnection"], (work) => calls.noting(work))
        if ("executeStream" in owner) return patch(["execute", "executeStream"], traced)
        const isConnection = "beginTransaction" in owner
        return [
          ...(isConnection || "activeConnections" in owner ? patch([...QUERIES, ...Object.keys(CONTROL)], traced) : []),
          ...(isConnection ? patch(["prepare"], (call) => calls.giving(call, (statement) => tracedStatement(statement, traced))) : []),
          ...(isConnection ? patchMethod(owner.constructor, "_PARAM", (work) => calls.noting(work)) : []),
          ...patch(["getConnection"], (call) => calls.giving(call, (connection, pool) => found(remember(connection, pool)))),
        ]
      }),
    )
  },

  describe: (call) => describeMysql(call, "mariadb"),

  tell: tellMysql,
}

/** A cached statement has methods of its own, which live as long as it does. */
function tracedStatement(statement: object, traced: (call: Method, name: string) => Method): void {
  for (const name of ["execute", "executeStream"]) patchMethod(statement, name, (call) => traced(call, name))
}
