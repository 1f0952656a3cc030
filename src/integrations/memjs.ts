import type { Integration, Trace } from "../core/contracts.ts"
import { serverTags, tellFailure } from "./_db.ts"
import { inCallersScope, type Method, patchMethod, whenLoaded } from "./_patch.ts"

export interface MemjsCall {
  /** Of the binary protocol. */
  readonly opcode: number | undefined
  /** Unknown while the library has several to choose from. */
  readonly server: Server | undefined
}

interface Server {
  readonly host?: string
  readonly port?: number
}
interface Client {
  readonly servers?: readonly Server[]
}
interface Response {
  readonly header?: { readonly status?: number }
}
interface Library {
  readonly prototype?: object
  readonly Client?: { readonly prototype: object }
}

// Memcached's binary protocol, "Command opcodes".
const OPERATIONS: Readonly<Record<number, string>> = {
  0: "get",
  1: "set",
  2: "add",
  3: "replace",
  4: "delete",
  5: "increment",
  6: "decrement",
  14: "append",
  15: "prepend",
  28: "touch",
}

// "Response status": no error, not found, exists, not stored. What came to be is the answer, as the library's own callers see it.
const ANSWERS = [0, 1, 2, 5]

/** Traces memjs 1, by promise and by callback: a span for each command, with its retries, until its answer. Keys and values are never read. */
export const memjsIntegration: Integration<MemjsCall, Response> = {
  name: "memjs",

  watch(trace) {
    return whenLoaded("memjs", (target: Library) =>
      [target, target.prototype, target.Client?.prototype].flatMap((owner) =>
        owner !== undefined && "perform" in owner ? patchMethod(owner, "perform", (perform) => tracePerform(perform, trace)) : [],
      ),
    )
  },

  describe({ opcode = -1, server: { host, port } = {} }) {
    const operation = OPERATIONS[opcode] ?? "command"
    return {
      operationName: host === undefined ? operation : `${operation} ${host}:${port}`,
      kind: "client",
      tags: { "db.system.name": "memcached", "db.operation.name": operation, ...serverTags(host, port) },
    }
  },

  tagsOf({ header: { status = 0 } = {} }) {
    if (ANSWERS.includes(status)) return {}
    return { "db.response.status_code": String(status), error: true, "error.type": String(status) }
  },

  tell: (error) => tellFailure(error),
}

function tracePerform(perform: Method, trace: Trace<MemjsCall, Response>): Method {
  return function (this: Client, key: unknown, request: Uint8Array, sequence: unknown, callback?: Method, ...retries: unknown[]) {
    // The library's own next attempt: it belongs to the command that is under way.
    if (retries.length > 0 || typeof callback !== "function") {
      return Reflect.apply(perform, this, [key, request, sequence, callback, ...retries])
    }
    const called = inCallersScope(callback, trace)
    const server = this.servers?.length === 1 ? this.servers[0] : undefined
    return trace({ opcode: request?.[1], server }, (operation) => {
      const end = operation.defer()
      const done: Method = function (error, response, ...more) {
        end(error ?? undefined, response ?? undefined)
        return Reflect.apply(called, this, [error, response, ...more])
      }
      return Reflect.apply(perform, this, [key, request, sequence, done])
    })
  }
}
