import type { Description, Integration, Trace } from "../core/contracts.ts"
import { type AwsOperation, awsOperations, remember } from "./_aws.ts"
import { injectInto } from "./_aws-inject.ts"
import { ignore, type Report, subscribe } from "./_channel.ts"
import { whenLoaded } from "./_patch.ts"

/** One command of a client of SDK 3. */
export interface Command {
  readonly clientName: string
  readonly commandName: string
}

interface Middleware {
  readonly input: unknown
  readonly request?: { readonly headers?: Readonly<Record<string, string>> }
}
type Next = (args: Middleware) => Promise<unknown>
type Context = { clientName?: string; commandName?: string; [STATE]?: AwsOperation }
interface Client {
  readonly middlewareStack?: { add(middleware: (next: Next, context: Context) => Next, options: object): void }
}

const STATE = Symbol("antifreeze.operation")
const TRACED = Symbol.for("antifreeze.aws-client")

/**
 * Traces a client of SDK 3 from within, where it has not signed yet: besides the span, the context goes into what is sent.
 * The requests that follow are its attempts: they are seen at the HTTP layer and tell the span all the rest.
 */
export function traceClient<C extends object>(client: C, trace: Trace<Command>, intoPayloads: boolean): C {
  const { middlewareStack } = client as Client
  if (middlewareStack === undefined || TRACED in client) return client
  Object.defineProperty(client, TRACED, { value: true })
  middlewareStack.add(
    (next, context) => (args) => {
      const command = { clientName: context.clientName ?? "", commandName: context.commandName ?? "" }
      return trace(command, (operation) => {
        if (operation.context === undefined) return next(args)
        const state: AwsOperation = { operation, end: undefined, attempts: 0, ended: 0 }
        const end = operation.defer()
        context[STATE] = state
        const { input, leftOut } = injectInto(command.commandName, args.input, operation.headers, intoPayloads)
        if (leftOut > 0) operation.learn({ tags: { "aws.context.left_out": leftOut } })
        return next({ ...args, input }).then(
          (output) => {
            // The SDK is content with the headers of an object; its body is part of the operation.
            if (state.ended < state.attempts) state.end = end
            else end()
            return output
          },
          (error: unknown) => {
            end(error)
            throw error
          },
        )
      })
    },
    { step: "initialize", name: "antifreezeContext", override: true },
  )
  middlewareStack.add(
    (next, context) => (args) => {
      const id = args.request?.headers?.["amz-sdk-invocation-id"]
      const state = context[STATE]
      if (id === undefined || state === undefined) return next(args)
      remember(id, state)
      return next(args).finally(() => awsOperations.delete(id))
    },
    // After the retries: once for each attempt, with the headers that they have set.
    { step: "finalizeRequest", priority: "low", name: "antifreezeAttempt", override: true },
  )
  return client
}

/** Where the class of all clients lives, in the two generations of the SDK. */
const SMITHY = /[\\/]@smithy[\\/](core[\\/]dist-cjs[\\/]submodules[\\/]client|smithy-client[\\/]dist-cjs)[\\/]index\.js$/

/** Finds the SDK where it is not bundled, and traces every client at its first command. Attributes and client contexts only: payloads are the user's. */
export const awsClientIntegration: Integration<Command> = {
  name: "@aws-sdk",

  watch(trace, report: Report = ignore) {
    const { _cache: cache } = process.getBuiltinModule("node:module") as unknown as {
      _cache: Record<string, { exports?: { Client?: { prototype: Sender } } }>
    }
    const patched = new Map<Sender, Sender["send"]>()
    const look = () => {
      for (const file in cache) {
        const prototype = file.includes("smithy") && SMITHY.test(file) ? cache[file]?.exports?.Client?.prototype : undefined
        if (prototype === undefined || patched.has(prototype)) continue
        const { send } = prototype
        patched.set(prototype, send)
        prototype.send = function (...args) {
          traceClient(this, trace, false)
          return send.apply(this, args)
        }
      }
    }
    look()
    const forget = whenLoaded("@aws-sdk", (client) => {
      traceClient(client, trace, true)
      return []
    })
    const stop = subscribe<{ id?: string }>("tracing:module.require:end", ({ id }) => id?.includes("smithy") && look(), report)
    return () => {
      stop()
      forget()
      for (const [prototype, send] of patched) prototype.send = send
    }
  },

  /** Until its first request is seen. */
  describe({ clientName, commandName }): Description {
    const [service, operation] = [clientName.replace(/Client$/, ""), commandName.replace(/Command$/, "")]
    return { operationName: `${service}.${operation}`, kind: "client", tags: {} }
  },
}

interface Sender {
  send(...args: unknown[]): unknown
}
