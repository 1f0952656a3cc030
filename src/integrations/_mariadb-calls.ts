import type { End, Operation, Trace } from "../core/contracts.ts"
import { serverTags } from "./_db.ts"
import type { MysqlCall } from "./_mysql.ts"
import { inCallersScope, type Method } from "./_patch.ts"

export interface Server {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly socketPath?: string | undefined
  readonly database?: string | undefined
}
/** A connection says what it is connected to, without the host; a pool says nothing; a statement has its text and its connection. */
interface Client {
  readonly info?: Server | null
  readonly query?: unknown
  readonly conn?: { readonly opts?: Server }
}
interface Options extends Server {
  readonly connOptions?: Server
}
interface Stream {
  once(event: string | symbol, listener: (error?: unknown) => void): unknown
}

const servers = new WeakMap<object, Server>()

/** Remembers where a client is connected to: there, or where another one is. */
export function remember<T extends object>(client: T, server: Server | Client): T {
  const { host, port, database, socketPath } = servers.get(server) ?? (server as Server)
  // Not the options themselves: they have the password.
  if (port !== undefined) servers.set(client, { host, port, database, socketPath })
  return client
}

/** Routes the methods of mariadb's connections, pools and statements through `trace`. */
export class Calls {
  readonly #trace: Trace<MysqlCall>
  /** The server of the call that is being made, once it is known. */
  #noted: Server | undefined
  #isWithin = false

  constructor(trace: Trace<MysqlCall>) {
    this.#trace = trace
  }

  /** Takes down the options that a private method has, or is given. */
  noting(work: Method): Method {
    const calls = this
    return function (this: { opts?: Options }, ...args) {
      const options = this.opts ?? (args[0] as Options)
      calls.#noted = options.connOptions ?? options
      return Reflect.apply(work, this, args)
    }
  }

  /** Sees what a method gives, by callback or by promise. */
  giving(call: Method, see: (given: object, client: Client) => void): Method {
    const trace = this.#trace
    return function (this: Client, ...args) {
      const seeing: End<unknown> = (error, value) => {
        if (!error) see(value as object, this)
      }
      const given: unknown = Reflect.apply(call, this, callingFirst(seeing, bound(args, trace)))
      if (!(given instanceof Promise)) return given
      return given.then((value) => {
        see(value as object, this)
        return value
      })
    }
  }

  /** `sql` is what a method stands for that is given none. */
  traced(call: Method, sql: string | undefined): Method {
    const calls = this
    return function (this: Client, ...args) {
      if (calls.#isWithin) return Reflect.apply(call, this, args)
      const inScope = bound(args, calls.#trace)
      const hasCallback = args.some((arg) => typeof arg === "function")
      return calls.#trace(calls.#callOf(this, sql, args, call.name === "batch"), (operation) => {
        const given = hasCallback ? callingFirst(operation.defer(), inScope) : args
        const made: unknown = calls.#noting(operation, () => Reflect.apply(call, this, given))
        if (!hasCallback && made !== null && typeof made === "object" && "once" in made) watchStream(made as Stream, operation)
        return made
      })
    }
  }

  #callOf(client: Client, sql: string | undefined, [first, values]: readonly unknown[], isBatch: boolean): MysqlCall {
    const text =
      typeof client.query === "string" ? client.query : typeof first === "string" ? first : (first as { sql?: string } | null)?.sql
    const { host, port, socketPath, database } = servers.get(client) ?? client.conn?.opts ?? client.info ?? {}
    const batchSize = isBatch && Array.isArray(values) ? values.length : undefined
    return { query: sql ?? text, database, serverAddress: socketPath ?? host, serverPort: port, batchSize }
  }

  #noting<T>(operation: Operation, make: () => T): T {
    this.#isWithin = true
    this.#noted = undefined
    try {
      return make()
    } finally {
      this.#isWithin = false
      const { host, port, socketPath, database } = (this.#noted as Server | undefined) ?? {}
      if (port !== undefined) operation.learn({ tags: { "db.namespace": database, ...serverTags(socketPath ?? host, port) } })
    }
  }
}

function bound(args: readonly unknown[], trace: Trace<MysqlCall>): unknown[] {
  return args.map((arg) => (typeof arg === "function" ? inCallersScope(arg as Method, trace) : arg))
}

/** Tells `first` what the callback is told. */
function callingFirst(first: End<unknown>, args: readonly unknown[]): unknown[] {
  return args.map((arg) =>
    typeof arg !== "function"
      ? arg
      : function (this: unknown, error: unknown, ...more: unknown[]) {
          first(error || undefined, more[0])
          return Reflect.apply(arg, this, [error, ...more])
        },
  )
}

/** To listen for "error" would keep an unhandled one from its way. */
function watchStream(stream: Stream, operation: Operation): void {
  const { errorMonitor } = process.getBuiltinModule("node:events")
  const end = operation.defer()
  for (const event of [errorMonitor, "end"]) stream.once(event, (error) => end(error))
  stream.once("close", () => end())
}
