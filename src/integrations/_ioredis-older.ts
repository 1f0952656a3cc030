import { type AnyIntegration, type Method, patchMethod } from "./_patch.ts"
import { publisher, type Settle, settling, teacher } from "./_teach.ts"

interface Client {
  readonly options?: { readonly host?: string; readonly port?: number; readonly path?: string | null; readonly db?: number }
  readonly condition?: { readonly select?: number } | null
}
interface Command {
  readonly name: string
  readonly args: readonly unknown[]
  resolve: Method
  reject: Method
}
interface Chain {
  readonly length: number
  exec?: Method
}
interface Library {
  readonly prototype?: object
  readonly default?: { readonly prototype: object }
}

const command = publisher("ioredis:command")
const batch = publisher("ioredis:batch")

/** ioredis 4 and 5, before 5.11. */
export const olderIoredis: AnyIntegration = teacher("ioredis", (target: Library) => {
  const sent = new WeakSet<Command>()
  return [target, target.prototype, target.default?.prototype].flatMap((owner) => {
    // Since it publishes, it has a method that says what.
    if (owner === undefined || !("getBuiltinCommands" in owner) || "_buildCommandContext" in owner || "nodes" in owner) return []
    return [...patchMethod(owner, "sendCommand", (send) => publishCommand(send, sent)), ...patchMethod(owner, "multi", publishChain)]
  })
})

function describe({ options, condition }: Client): object {
  const { host = "localhost", port = 6379, path, db = 0 } = options ?? {}
  const [serverAddress, serverPort] = path ? [path, undefined] : [host, port]
  return { database: condition?.select ?? db, serverAddress, serverPort }
}

function publishCommand(original: Method, sent: WeakSet<Command>): Method {
  return function (this: Client, given: Command, ...more: unknown[]) {
    const send = () => Reflect.apply(original, this, [given, ...more])
    // What has waited for the connection is sent once more.
    if (sent.has(given)) return send()
    return command(
      // Counted, and never shown.
      () => ({ command: given.name, args: given.args.map(() => "?"), ...describe(this) }),
      (settle) => {
        if (settle === undefined) return send()
        sent.add(given)
        watchSettling(given, settle)
        return send()
      },
    )
  }
}

/** Not by its promise: to wait for it would handle a rejection that nobody else does. */
function watchSettling(given: Command, settle: Settle): void {
  const { resolve, reject } = given
  given.resolve = function (value) {
    settle()
    return Reflect.apply(resolve, this, [value])
  }
  given.reject = function (error) {
    settle(error)
    return Reflect.apply(reject, this, [error])
  }
}

/** A transaction is sent by the `exec` of the chain that `multi` gives. */
function publishChain(original: Method): Method {
  return function (this: Client, ...args) {
    const chain = Reflect.apply(original, this, args) as Chain
    const { exec } = chain
    if (typeof exec !== "function") return chain
    let isSent = false
    chain.exec = (callback?: Method) => {
      // A cluster may have it sent once more.
      if (isSent) return Reflect.apply(exec, chain, [callback])
      isSent = true
      return batch(
        () => ({ batchMode: "MULTI", batchSize: Math.max(chain.length - 1, 0), ...describe(this) }),
        (settle) => {
          if (settle === undefined) return Reflect.apply(exec, chain, [callback])
          if (typeof callback !== "function") return settling(Reflect.apply(exec, chain, []) as Promise<unknown>, settle)
          const first: Method = (error, results) => settle(error, () => callback(error, results))
          return Reflect.apply(exec, chain, [first])
        },
      )
    }
    return chain
  }
}
