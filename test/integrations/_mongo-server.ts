import { createServer, type Socket } from "node:net"
import { client as load } from "./_stores.ts"

type Document = Record<string, unknown>
const bson = load<{
  serialize(document: Document): Uint8Array
  deserialize(bytes: Uint8Array): Document
  Long: { fromNumber(value: number): unknown }
}>("bson")

/** A server that speaks MongoDB's wire protocol (OP_MSG and the first OP_QUERY) and keeps documents by `_id`; Debian has no MongoDB. */
export async function startMongo(): Promise<{ port: number; stop(): Promise<void> }> {
  const collections = new Map<string, Map<unknown, Document>>()
  const cursors = new Map<number, Document[]>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}))
    let pending = Buffer.alloc(0)
    socket.on("data", (data) => {
      pending = Buffer.concat([pending, data])
      while (pending.length >= 4 && pending.length >= pending.readInt32LE(0)) {
        const message = pending.subarray(0, pending.readInt32LE(0))
        pending = pending.subarray(message.length)
        socket.write(respond(message))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  return {
    port,
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  function respond(message: Buffer): Buffer {
    const isQuery = message.readInt32LE(12) === 2004
    // OP_QUERY: flags, name, skip, limit, document. OP_MSG: flags, then sections of kind 0 (one document) and 1 (a named list).
    const command: Document = {}
    if (isQuery) Object.assign(command, bson.deserialize(message.subarray(message.indexOf(0, 20) + 9)))
    else {
      for (let at = 20; at < message.length; ) {
        const kind = message[at++]
        const size = message.readInt32LE(at)
        if (kind === 0) Object.assign(command, bson.deserialize(message.subarray(at, at + size)))
        else {
          const nameEnd = message.indexOf(0, at + 4)
          const list: Document[] = []
          for (let inner = nameEnd + 1; inner < at + size; inner += message.readInt32LE(inner)) {
            list.push(bson.deserialize(message.subarray(inner, inner + message.readInt32LE(inner))))
          }
          command[message.toString("utf8", at + 4, nameEnd)] = list
        }
        at += size
      }
    }
    const body = Buffer.from(bson.serialize(answer(command)))
    const head = isQuery ? Buffer.alloc(36) : Buffer.alloc(21)
    head.writeInt32LE(head.length + body.length, 0)
    head.writeInt32LE(message.readInt32LE(4), 8)
    head.writeInt32LE(isQuery ? 1 : 2013, 12)
    if (isQuery) head.writeInt32LE(1, 32)
    return Buffer.concat([head, body])
  }

  function answer(command: Document): Document {
    const [name = ""] = Object.keys(command)
    const documents = collections.get(String(command[name])) ?? new Map<unknown, Document>()
    if (typeof command[name] === "string") collections.set(command[name], documents)
    const fail = (code: number, codeName: string, errmsg: string) => ({ ok: 0, code, codeName, errmsg })
    switch (name.toLowerCase()) {
      case "hello":
      case "ismaster":
        return {
          ok: 1,
          helloOk: true,
          isWritablePrimary: true,
          ismaster: true,
          maxWireVersion: 21,
          minWireVersion: 0,
          maxBsonObjectSize: 1 << 24,
          maxMessageSizeBytes: 48_000_000,
          maxWriteBatchSize: 100_000,
          logicalSessionTimeoutMinutes: 30,
          readOnly: false,
        }
      case "insert":
        for (const document of command["documents"] as Document[]) {
          if (documents.has(document["_id"]))
            return fail(11_000, "DuplicateKey", `E11000 duplicate key error dup key: { _id: ${JSON.stringify(document)} }`)
          documents.set(document["_id"], document)
        }
        return { ok: 1, n: (command["documents"] as Document[]).length }
      case "find": {
        const wanted = Object.entries((command["filter"] ?? {}) as Document)
        if (wanted.some(([key]) => key.startsWith("$")))
          return fail(2, "BadValue", `unknown top level operator: ${JSON.stringify(command["filter"])}`)
        const found = [...documents.values()].filter((document) => wanted.every(([key, value]) => document[key] === value))
        const size = (command["batchSize"] as number | undefined) ?? 101
        const rest = command["limit"] === 1 || command["singleBatch"] === true ? [] : found.slice(size)
        const id = rest.length > 0 ? cursors.size + 1 : 0
        if (id) cursors.set(id, rest)
        return { ok: 1, cursor: { id: bson.Long.fromNumber(id), ns: `shop.${command[name]}`, firstBatch: found.slice(0, size) } }
      }
      case "getmore": {
        const id = Number(command[name])
        const nextBatch = cursors.get(id) ?? []
        cursors.delete(id)
        return { ok: 1, cursor: { id: bson.Long.fromNumber(0), ns: `shop.${command["collection"]}`, nextBatch } }
      }
      case "delete": {
        const n = documents.size
        documents.clear()
        return { ok: 1, n }
      }
      case "ping":
      case "endsessions":
      case "killcursors":
        return { ok: 1 }
      default:
        return fail(59, "CommandNotFound", `no such command: '${name}'`)
    }
  }
}
