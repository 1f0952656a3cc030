import { describe, expect, it } from "vitest"
import { traced } from "../../src/grpc.ts"
import { grpcIntegration } from "../../src/integrations/grpc.ts"
import { http2Integration } from "../../src/integrations/http2.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"

interface Metadata {
  get(name: string): string[]
  set(name: string, value: string): void
  getMap(): Record<string, string>
}
interface Failure {
  readonly code: number
  readonly details: string
  readonly metadata?: Metadata
}
type Callback = (error: Failure | null, value?: unknown) => void
interface Call extends AsyncIterable<unknown> {
  on(event: string, listener: (value: never) => void): Call
  write(message: unknown): boolean
  end(): void
  cancel(): void
  readonly request: unknown
  readonly metadata: Metadata
  emit(event: string, value: unknown): void
  sendMetadata(metadata: Metadata): void
}
interface Options {
  readonly deadline?: number
  readonly interceptors?: readonly unknown[]
}
interface Client {
  get(message: unknown, metadata: Metadata, options: Options, callback: Callback): Call
  get(message: unknown, callback: Callback): Call
  collect(callback: Callback): Call
  list(message: unknown, options?: Options): Call
  talk(options?: Options): Call
  missing(message: unknown, callback: Callback): Call
  makeUnaryRequest(path: string, serialize: unknown, deserialize: unknown, message: unknown, callback: Callback): Call
  close(): void
}
interface Grpc {
  Server: new () => {
    addService(definition: object, handlers: object): void
    bindAsync(address: string, credentials: unknown, callback: (error: Error | null, port: number) => void): void
    forceShutdown(): void
  }
  ServerCredentials: { createInsecure(): unknown }
  credentials: { createInsecure(): unknown }
  Metadata: new () => Metadata
  InterceptingCall: new (next: unknown, requester: object) => unknown
  makeGenericClientConstructor(definition: object, name: string): new (address: string, credentials: unknown) => Client
}
const grpc = load<Grpc>("@grpc/grpc-js")

const serialize = (message: unknown) => Buffer.from(JSON.stringify(message))
const deserialize = (bytes: Buffer) => JSON.parse(bytes.toString()) as unknown
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/shop.Shop/${name}`,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
})
const served = {
  get: method("Get", false, false),
  collect: method("Collect", true, false),
  list: method("List", false, true),
  talk: method("Talk", true, true),
}
const Shop = grpc.makeGenericClientConstructor({ ...served, missing: method("Missing", false, false) }, "Shop")

/** A real server of the library: answers with what it was asked, and fails as it is told. */
async function startShop() {
  const seen: (Record<string, string> | undefined)[] = []
  const server = new grpc.Server()
  server.addService(served, {
    get({ request, metadata }: Call, callback: Callback) {
      seen.push(metadata.getMap())
      const { fail, waitMs = 0 } = request as { fail?: number; waitMs?: number }
      const answer = () => (fail ? callback({ code: fail, details: `refused: "${SECRET}"` }) : callback(null, { got: request }))
      setTimeout(answer, waitMs)
    },
    async collect(call: Call, callback: Callback) {
      const all: unknown[] = []
      for await (const message of call) all.push(message)
      callback(null, { all })
    },
    list(call: Call) {
      const { count = 0, fail = false } = call.request as { count?: number; fail?: boolean }
      for (let at = 0; at < count; at++) call.write({ at })
      if (fail) call.emit("error", { code: 9, details: "in the middle" })
      else call.end()
    },
    async talk(call: Call) {
      for await (const message of call) call.write({ echo: message })
      call.end()
    },
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  )
  return { port, seen, stop: () => server.forceShutdown() }
}

const connect = (port: number) => traced(new Shop(`127.0.0.1:${port}`, grpc.credentials.createInsecure()))
const get = (client: Client, message: unknown, { metadata = new grpc.Metadata(), ...options }: Options & { metadata?: Metadata } = {}) =>
  new Promise<unknown>((resolve, reject) =>
    client.get(message, metadata, options, (error, value) => (error ? reject(error) : resolve(value))),
  )
const read = async (call: Call) => {
  const all: unknown[] = []
  for await (const message of call) all.push(message)
  return all
}

let port: number

behavesAsIntegration<Client>({
  integration: grpcIntegration,
  async start() {
    const shop = await startShop()
    port = shop.port
    return async () => shop.stop()
  },
  connect: () => Promise.resolve(connect(port)),
  close: (client) => client.close(),
  call: (client) => get(client, { key: SECRET }),
  span: {
    name: "shop.Shop/Get",
    tags: () => ({
      "span.kind": "client",
      "rpc.system.name": "grpc",
      "rpc.method": "shop.Shop/Get",
      "rpc.status_code": "OK",
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  fail: (client) => get(client, { fail: 5 }),
  failure: { "error.kind": "NOT_FOUND", "rpc.status_code": "NOT_FOUND", "error.message": "refused: ?" },

  async transcript(client, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, JSON.stringify(value)),
        (error) => write(`${what} failed`, error, (error as Failure).details),
      )
    const events = (what: string, call: Call) =>
      new Promise<void>((resolve) => {
        for (const event of ["metadata", "data", "end", "error", "finish"]) {
          call.on(event, (value: unknown) =>
            write(what, event, event === "data" ? JSON.stringify(value) : value instanceof Error ? value : ""),
          )
        }
        call.on("status", ({ code, details }: Failure) => {
          write(what, "status", code, details)
          setImmediate(resolve)
        })
      })
    for (let at = 0; at < 10; at++) await settle(`get ${at}`, get(client, { at }))
    for (const fail of [3, 5, 13, 16]) await settle(`fail ${fail}`, get(client, { fail }))
    const metadata = new grpc.Metadata()
    metadata.set("mine", "1")
    await settle("metadata", get(client, {}, { metadata }))
    write("their metadata", metadata.getMap())
    // The details tell how long each step has taken.
    const code = (error: unknown) => Promise.reject((error as Failure).code)
    await settle("deadline", get(client, { waitMs: 500 }, { deadline: Date.now() + 30 }).catch(code))
    await settle("deadline is over", get(client, {}, { deadline: Date.now() - 30 }).catch(code))
    await settle(
      "no such method",
      new Promise((resolve, reject) => client.missing({}, (error, value) => (error ? reject(error) : resolve(value)))),
    )
    await settle(
      "cancelled",
      new Promise((resolve, reject) => client.get({ waitMs: 500 }, (error) => (error ? reject(error) : resolve(0))).cancel()),
    )
    await settle(
      "raw",
      new Promise((resolve, reject) =>
        client.makeUnaryRequest("/shop.Shop/Get", serialize, deserialize, {}, (error, value) => (error ? reject(error) : resolve(value))),
      ),
    )
    const intercepted = (options: object, next: (options: object) => unknown) =>
      new grpc.InterceptingCall(next(options), {
        start(given: Metadata, listener: object, go: (given: Metadata, listener: object) => void) {
          write("intercepted", given.getMap())
          go(given, listener)
        },
      })
    await settle("interceptor", get(client, {}, { interceptors: [intercepted] }))
    await settle("cannot be serialized", get(client, { number: 1n }))
    await settle("no callback", (async () => (client.get as unknown as (message: unknown) => unknown).call(client, {}))())
    await events("list", client.list({ count: 3 }))
    await events("list fails", client.list({ count: 1, fail: true }))
    await settle("read", read(client.list({ count: 2 })))
    const collecting = new Promise((resolve, reject) => {
      const call = client.collect((error, value) => (error ? reject(error) : resolve(value)))
      for (let at = 0; at < 3; at++) call.write({ at })
      call.end()
    })
    await settle("collect", collecting)
    const talk = client.talk()
    const talking = events("talk", talk)
    talk.write("a")
    talk.write(SECRET)
    talk.end()
    await talking
    const left = client.list({ count: 100 })
    const leaving = events(
      "left",
      left.on("data", () => left.cancel()),
    ).catch(() => {})
    await leaving
    const closed = connect(port)
    closed.close()
    await settle("closed", (async () => get(closed, {}))())
    const refused = connect(1)
    await settle("refused", get(refused, {}).catch(code))
    refused.close()
  },
})

describe("grpc", () => {
  it.each(["unary", "client stream", "server stream", "both"])(
    "carries the trace in the metadata, and ends with the status: %s",
    async (kind) => {
      const shop = await startShop()
      const recording = new Recording().watch(grpcIntegration).watch(http2Integration)
      const client = connect(shop.port)
      const metadata = new grpc.Metadata()
      metadata.set("mine", "1")
      const { spans } = await recording.children(async () => {
        if (kind === "unary") return get(client, { waitMs: 30 }, { metadata })
        if (kind === "server stream") return read(client.list({ count: 3 }))
        const call = kind === "both" ? client.talk() : client.collect(() => {})
        call.write({ key: SECRET })
        await new Promise((later) => setTimeout(later, 30))
        call.end()
        return kind === "both" ? read(call) : new Promise((resolve) => call.on("status", resolve))
      })
      // The stream of HTTP/2 has none of its own: it is the call.
      expect(spans.map((span) => [span.operationName.slice(0, 10), tagsOf(span)["rpc.status_code"]])).toEqual([["shop.Shop/", "OK"]])
      expect((await recording.finished()).map(({ operationName }) => operationName)).toHaveLength(1)
      if (kind !== "server stream") expect(spans[0]?.durationUs).toBeGreaterThan(25_000)
      if (kind === "unary") {
        expect(shop.seen[0]).toMatchObject({ mine: "1", traceparent: traceparentOf(spans[0]) })
        expect(metadata.getMap()).toEqual({ mine: "1" })
      }
      recording.unwatch()
      client.close()
      shop.stop()
    },
  )

  it("tells of a deadline, a cancelled call, and a server that is not there", async () => {
    const shop = await startShop()
    const recording = new Recording().watch(grpcIntegration)
    const client = connect(shop.port)
    const refused = connect(1)
    const calls = [
      () => get(client, { waitMs: 500 }, { deadline: Date.now() + 30 }),
      () => new Promise((_, reject) => client.get({ waitMs: 500 }, (error) => reject(error)).cancel()),
      () => get(refused, {}),
    ]
    const codes: unknown[] = []
    for (const call of calls) {
      const { spans } = await recording.children(call)
      codes.push(tagsOf(spans[0])["rpc.status_code"])
    }
    expect(codes).toEqual(["DEADLINE_EXCEEDED", "CANCELLED", "UNAVAILABLE"])
    recording.unwatch()
    client.close()
    refused.close()
    shop.stop()
  })

  it("calls back, and emits, in the caller's scope; the caller's own header wins", async () => {
    const shop = await startShop()
    const recording = new Recording().watch(grpcIntegration)
    const client = connect(shop.port)
    await get(client, {})
    const own = new grpc.Metadata()
    own.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    const { value } = await recording.children(async (parent) => {
      const isParent = () => recording.tracer.activeSpan === parent
      const called = await new Promise((resolve) => client.get({}, own, {}, () => resolve(isParent())))
      const emitted = await new Promise((resolve) => client.list({ count: 1 }).on("data", () => resolve(isParent())))
      return [called, emitted]
    }, 2)
    expect(value).toEqual([true, true])
    expect(shop.seen.at(-1)?.["traceparent"]).toBe(own.get("traceparent")[0])
    recording.unwatch()
    client.close()
    shop.stop()
  })
})
