import type { Integration, Trace } from "../core/contracts.ts"
import { serverTags, tellFailure } from "./_db.ts"
import { type Method, patchMethod, whenLoaded } from "./_patch.ts"

export interface MongoCommand {
  readonly address: string | undefined
  readonly database: string | undefined
  /** Its first key is its name. */
  readonly command: Readonly<Record<string, unknown>>
}

interface Connection {
  readonly address?: string
}
interface Client {
  readonly topology?: {
    readonly s?: { readonly servers?: ReadonlyMap<string, { readonly monitor?: { readonly connection?: object | null } }> }
  }
}
interface Library {
  readonly prototype?: object
  readonly Connection?: { readonly prototype: object }
  readonly MongoClient?: { readonly prototype: object }
}

// What the driver says on its own behalf.
const OWN = new Set(["hello", "ismaster", "isMaster", "saslStart", "saslContinue", "authenticate", "endSessions", "killCursors"])

const ON_COLLECTION = new Set(
  "find insert update delete aggregate findAndModify count distinct create drop createIndexes dropIndexes listIndexes mapReduce collMod".split(
    " ",
  ),
)

/** Traces mongodb, from 5, and mongoose on top of it: a span for each command that goes to a server, `getMore` of cursors too. */
export const mongodbIntegration: Integration<MongoCommand> = {
  name: "mongodb",

  watch(trace) {
    // Not by its command events: for those the driver would decode each answer once more.
    return whenLoaded("mongodb", (target: Library, found) => {
      const owners = [target, target.prototype, target.Connection?.prototype, target.MongoClient?.prototype]
      return owners.flatMap((owner) => {
        if (owner === undefined) return []
        if ("sendCommand" in owner && "command" in owner) return patchConnection(owner, trace)
        return "connect" in owner && "startSession" in owner ? followClient(owner, found) : []
      })
    })
  },

  describe({ address, database, command }) {
    const [operation = "command"] = Object.keys(command)
    // Of any other command, the first value may be anything.
    const target = operation === "getMore" ? command["collection"] : ON_COLLECTION.has(operation) ? command[operation] : undefined
    const collection = typeof target === "string" ? target : undefined
    // A list, or from version 6.10 on an object around it.
    const batch = command["documents"] ?? command["updates"] ?? command["deletes"]
    const items = (batch as { documents?: unknown[] } | undefined)?.documents ?? (batch as unknown[] | undefined)
    const [, host, port] = /^(.*):(\d+)$/.exec(address ?? "") ?? [undefined, address, undefined]
    return {
      operationName: `${operation} ${collection ?? database ?? ""}`.trimEnd(),
      kind: "client",
      tags: {
        "db.system.name": "mongodb",
        "db.operation.name": operation,
        "db.collection.name": collection,
        "db.namespace": database,
        "db.operation.batch.size": items !== undefined && items.length > 1 ? items.length : undefined,
        ...serverTags(host, port === undefined ? undefined : Number(port)),
      },
    }
  },

  tell(error) {
    const { code, codeName, name, stack } = (error ?? {}) as Record<string, unknown>
    if (typeof code !== "number") return tellFailure(error)
    // The message shows the document that was refused, unquoted.
    return tellFailure({ name, code: codeName, message: codeName, stack }, code)
  },
}

function patchConnection(owner: object, trace: Trace<MongoCommand>): readonly (() => void)[] {
  return patchMethod(
    owner,
    "command",
    (send) =>
      function (this: Connection, namespace: { db?: string } | undefined, command: Record<string, unknown>, ...more: unknown[]) {
        const run = () => Reflect.apply(send, this, [namespace, command, ...more])
        if (OWN.has(Object.keys(command ?? {})[0] ?? "")) return run()
        return trace({ address: this.address, database: namespace?.db, command }, run)
      },
  )
}

/** A client knows the class of its connections once it has one; the first is the monitor's. */
function followClient(owner: object, found: (connection: object) => void): readonly (() => void)[] {
  const look = (client: Client) => {
    for (const { monitor } of client.topology?.s?.servers?.values() ?? []) if (monitor?.connection) found(monitor.connection)
  }
  if (Object.hasOwn(owner, "topology")) look(owner)
  return patchMethod(
    owner,
    "connect",
    (connect: Method) =>
      function (...args) {
        const connecting: unknown = Reflect.apply(connect, this, args)
        if (!(connecting instanceof Promise)) return connecting
        return connecting.then((value: unknown) => {
          look(this as Client)
          return value
        })
      },
  )
}
