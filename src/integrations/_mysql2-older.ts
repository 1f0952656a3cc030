import { type AnyIntegration, type Method, patchMethod } from "./_patch.ts"
import { publisher, type Settle, teacher } from "./_teach.ts"

interface Config {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly database?: string
}
interface Command {
  readonly sql?: string
  onResult?: Method
  once?(event: string | symbol, listener: (error?: unknown) => void): unknown
}
interface Connection {
  readonly config?: Config & { readonly connectionConfig?: Config }
}
interface Library {
  readonly prototype?: object
  /** What a promise's pool or connection wraps. */
  readonly pool?: object
  readonly connection?: object
}

const query = publisher("mysql2:query")
const execute = publisher("mysql2:execute")
const wait = publisher("mysql2:pool:connect")

/** mysql2 before 3.20. */
export const olderMysql2: AnyIntegration = teacher("mysql2", (target: Library, found) =>
  [target, target.prototype, target.pool, target.connection].flatMap((owner) => {
    if (owner === undefined) return []
    if ("getConnection" in owner) {
      return publishes(owner.getConnection) ? [] : patchMethod(owner, "getConnection", (get) => publishWait(get, found))
    }
    if (!("addCommand" in owner) || !("query" in owner) || publishes(owner.query)) return []
    return [...patchMethod(owner, "query", publishQuery), ...patchMethod(owner, "execute", publishExecution)]
  }),
)

/** From 3.20 on it says so itself, in this very method. */
function publishes(method: unknown): boolean {
  return String(method).includes("serverAddress")
}

function describe({ config }: Connection, sql?: string): object {
  const { host = "localhost", port = 3306, socketPath, database = "" } = config?.connectionConfig ?? config ?? {}
  const [serverAddress, serverPort] = socketPath === undefined ? [host, port] : [socketPath, undefined]
  return { query: sql, database, serverAddress, serverPort }
}

function publishQuery(original: Method): Method {
  return function (this: Connection, ...args) {
    const command = Reflect.apply(original, this, args) as Command
    query(
      // The values are in their places only now.
      () => describe(this, command.sql),
      (settle) => {
        if (settle === undefined) return
        const { onResult } = command
        if (typeof onResult === "function") command.onResult = settlingFirst(onResult, settle)
        else watchEvents(command, settle)
      },
    )
    return command
  }
}

function publishExecution(original: Method): Method {
  return function (this: Connection, sql: string | { sql?: string }, ...more: unknown[]) {
    return execute(
      () => describe(this, typeof sql === "string" ? sql : sql?.sql),
      (settle) => {
        if (settle === undefined) return Reflect.apply(original, this, [sql, ...more])
        const hasCallback = more.some((arg) => typeof arg === "function")
        const args = more.map((arg) => (typeof arg === "function" ? settlingFirst(arg as Method, settle) : arg))
        const command = Reflect.apply(original, this, [sql, ...args]) as Command
        if (!hasCallback) watchEvents(command, settle)
        return command
      },
    )
  }
}

function publishWait(original: Method, found: (connection: object) => void): Method {
  return function (this: Connection, callback: Method) {
    return wait(
      () => describe(this),
      (settle) =>
        Reflect.apply(original, this, [
          (error: unknown, connection?: object) => {
            if (connection !== undefined) found(connection)
            const call = () => callback(error, connection)
            return settle === undefined ? call() : settle(error, call)
          },
        ]),
    )
  }
}

function settlingFirst(callback: Method, settle: Settle): Method {
  return function (...results) {
    return settle(results[0], () => Reflect.apply(callback, this, results))
  }
}

/** To listen for "error" would keep an unhandled one from its way. */
function watchEvents(command: Command, settle: Settle): void {
  command.once?.(process.getBuiltinModule("node:events").errorMonitor, (error) => settle(error))
  command.once?.("end", () => settle())
}
