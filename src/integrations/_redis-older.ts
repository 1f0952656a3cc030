import { type AnyIntegration, type Method, patchMethod } from "./_patch.ts"
import { publisher, settling, teacher } from "./_teach.ts"

interface Options {
  readonly database?: number
  readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string }
}
interface Client {
  readonly options?: Options
}
interface Library {
  readonly prototype?: object
  readonly default?: { readonly prototype: object }
}

const command = publisher("node-redis:command")
const batch = publisher("node-redis:batch")

/** @redis/client 5 before 5.12. Its private queue and connection are out of reach, and what goes past its methods with them. */
export const olderRedis: AnyIntegration = teacher("redis", (target: Library) =>
  [target, target.prototype, target.default?.prototype].flatMap((owner) => {
    // Since it publishes, it has a name for the client to publish.
    if (owner === undefined || !("_executeMulti" in owner) || "_clientId" in owner) return []
    return [
      ...patchMethod(owner, "sendCommand", publishCommand),
      ...patchMethod(owner, "_executeMulti", (execute) => publishBatch(execute, "MULTI")),
      ...patchMethod(owner, "_executePipeline", (execute) => publishBatch(execute, "PIPELINE")),
    ]
  }),
)

function describe({ options }: Client): object {
  const { host = "localhost", port = 6379, path } = options?.socket ?? {}
  const [serverAddress, serverPort] = path === undefined ? [host, port] : [path, undefined]
  return { database: options?.database ?? 0, serverAddress, serverPort }
}

function publishCommand(original: Method): Method {
  return function (this: Client, args: readonly unknown[], ...more: unknown[]) {
    return command(
      // Counted, and never shown.
      () => ({ command: String(args[0]), args: args.map((_, at) => (at === 0 ? String(args[0]) : "?")), ...describe(this) }),
      (settle) => settling(Reflect.apply(original, this, [args, ...more]) as Promise<unknown>, settle),
    )
  }
}

function publishBatch(original: Method, batchMode: string): Method {
  return function (this: Client, commands: readonly unknown[], ...more: unknown[]) {
    return batch(
      () => ({ batchMode, batchSize: commands.length, ...describe(this) }),
      (settle) => settling(Reflect.apply(original, this, [commands, ...more]) as Promise<unknown>, settle),
    )
  }
}
