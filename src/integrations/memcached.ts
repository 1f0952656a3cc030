import type { End, Integration, Trace } from "../core/contracts.ts"
import { serverTags, tellFailure } from "./_db.ts"
import { inCallersScope, type Method, patchMethod, whenLoaded } from "./_patch.ts"

export interface MemcachedCall {
  readonly operation: string
  readonly keys: number
  /** `host:port`; unknown while the library has several to choose from. */
  readonly server: string | undefined
}

interface Query {
  readonly type?: string
  readonly key?: unknown
  callback?: Method
}
interface Client {
  readonly servers?: readonly string[]
}
interface Library {
  readonly prototype?: object
}

/** Traces memcached 2: a span for each command, until its callback. Keys and values are never read. */
export const memcachedIntegration: Integration<MemcachedCall> = {
  name: "memcached",

  watch(trace) {
    return whenLoaded("memcached", (target: Library) =>
      [target, target.prototype].flatMap((owner) =>
        owner !== undefined && "getMulti" in owner ? patchMethod(owner, "command", (command) => traceCommand(command, trace)) : [],
      ),
    )
  },

  describe({ operation, keys, server = "" }) {
    const [, host, port] = /^(.*):(\d+)$/.exec(server) ?? []
    return {
      operationName: `${operation} ${server}`.trimEnd(),
      kind: "client",
      tags: {
        "db.system.name": "memcached",
        "db.operation.name": operation,
        "db.operation.batch.size": keys > 1 ? keys : undefined,
        ...serverTags(host, port === undefined ? undefined : Number(port)),
      },
    }
  },

  tell: (error) => tellFailure(typeof error === "string" ? new Error(error) : error),
}

function traceCommand(command: Method, trace: Trace<MemcachedCall>): Method {
  return function (this: Client, compile: Method, server?: string) {
    const query = compile() as Query
    const { type: operation = "command", key } = query
    let compiled: Query | undefined = query
    // Compiled once more for each copy that the library keeps elsewhere.
    const given = (...args: unknown[]) => {
      const first = compiled
      compiled = undefined
      return first ?? (compile(...args) as Query)
    }
    const callback = typeof query.callback === "function" ? inCallersScope(query.callback, trace) : undefined
    const only = this.servers?.length === 1 ? this.servers[0] : undefined
    return trace({ operation, keys: Array.isArray(key) ? key.length : 1, server: server ?? only }, (active) => {
      if (callback !== undefined) query.callback = endingWith(callback, active.defer())
      return Reflect.apply(command, this, [given, server])
    })
  }
}

/** The library calls back with the query as `this`, and may say undefined, null or false where there is no error. */
function endingWith(callback: Method, end: End<unknown>): Method {
  return function (error, ...more) {
    end(error || undefined)
    return Reflect.apply(callback, this, [error, ...more])
  }
}
