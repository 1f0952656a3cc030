import { describe, expect, it } from "vitest"
import { mongodbIntegration } from "../../src/integrations/mongodb.ts"
import { traced } from "../../src/mongodb.ts"
import { startMongo } from "./_mongo-server.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"

interface Cursor extends AsyncIterable<unknown> {
  toArray(): Promise<unknown[]>
}
interface Collection {
  insertOne(document: object): Promise<unknown>
  insertMany(documents: object[]): Promise<unknown>
  findOne(filter: object): Promise<unknown>
  find(filter: object, options?: object): Cursor
  deleteMany(filter: object): Promise<unknown>
}
interface Client {
  connect(): Promise<Client>
  db(name: string): { collection(name: string): Collection; command(command: object): Promise<unknown> }
  close(): Promise<void>
}
const { MongoClient } = load<{ MongoClient: new (url: string, options?: object) => Client }>("mongodb")

let port: number
const carts = (client: Client) => client.db("shop").collection("carts")

behavesAsIntegration<Client>({
  integration: mongodbIntegration,
  async start() {
    const server = await startMongo()
    port = server.port
    return server.stop
  },
  connect: () => traced(new MongoClient(`mongodb://127.0.0.1:${port}/`)).connect(),
  close: (client) => client.close(),
  call: (client) => carts(client).findOne({ name: SECRET }),
  span: {
    name: "find carts",
    tags: () => ({
      "span.kind": "client",
      "db.system.name": "mongodb",
      "db.operation.name": "find",
      "db.collection.name": "carts",
      "db.namespace": "shop",
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: (client) => carts(client).findOne({ $secret: SECRET }),
  failure: { "db.response.status_code": "2", "error.message": "BadValue", "error.kind": "BadValue" },

  async transcript(client, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, JSON.stringify(value)),
        (error) => write(`${what} failed`, error),
      )
    for (let at = 0; at < 10; at++) await settle(`insert ${at}`, carts(client).insertOne({ _id: at, name: `${SECRET}${at}` }))
    await Promise.all(Array.from({ length: 10 }, (_, at) => carts(client).findOne({ _id: at }))).then((all) =>
      all.forEach((found) => void write("found", JSON.stringify(found))),
    )
    await settle("duplicate", carts(client).insertOne({ _id: 1, name: SECRET }))
    await settle("several", carts(client).insertMany([{ _id: 20, name: SECRET }, { _id: 21 }]))
    await settle("refused", carts(client).findOne({ $secret: SECRET }))
    await settle("unknown", client.db("shop").command({ nosuch: SECRET }))
    await settle("ping", client.db("shop").command({ ping: 1 }))
    await settle("all", carts(client).find({}, { batchSize: 5 }).toArray())
    for await (const document of carts(client).find({ name: `${SECRET}3` })) write("each", JSON.stringify(document))
    await settle("none", carts(client).findOne({ name: "nobody" }))
    await settle(
      "aborted",
      carts(client)
        .find({}, { signal: AbortSignal.abort(new Error("enough")) })
        .toArray(),
    )
    const refused = new MongoClient("mongodb://127.0.0.1:1/", { serverSelectionTimeoutMS: 30 })
    await settle("nobody there", carts(refused).findOne({}))
    await refused.close()
  },
  reset: (client) => carts(client).deleteMany({}),
})

describe("mongodb", () => {
  it("makes a span of each batch of a cursor and one of a bulk, and none of what the driver says by itself", async () => {
    const server = await startMongo()
    const recording = new Recording().watch(mongodbIntegration)
    const client = traced(new MongoClient(`mongodb://127.0.0.1:${server.port}/`))
    const { spans } = await recording.children(async () => {
      // The driver connects with the first command.
      await carts(client).insertMany([{ _id: 1, name: SECRET }, { _id: 2 }, { _id: 3 }])
      await carts(client).find({}, { batchSize: 2 }).toArray()
      await client.close()
    }, 3)
    expect(spans.map((span) => [span.operationName, tagsOf(span)["db.operation.batch.size"]])).toEqual([
      ["insert carts", 3],
      ["find carts", undefined],
      ["getMore carts", undefined],
    ])
    recording.unwatch()
    await server.stop()
  })
})
