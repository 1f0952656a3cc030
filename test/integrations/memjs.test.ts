import { describe, expect, it } from "vitest"
import { memjsIntegration } from "../../src/integrations/memjs.ts"
import { traced } from "../../src/memjs.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { startStore } from "./stores.mjs"

type Callback = (error: unknown, value?: unknown, extras?: unknown) => void
interface Client {
  get(key: string): Promise<{ value: Buffer | null }>
  get(key: string, callback: Callback): void
  set(key: string, value: unknown, options: object): Promise<boolean>
  set(key: string, value: unknown, options: object, callback: Callback): void
  add(key: string, value: unknown, options: object): Promise<boolean>
  replace(key: string, value: unknown, options: object): Promise<boolean>
  delete(key: string): Promise<boolean>
  increment(key: string, amount: number, options: object): Promise<{ success: boolean; value: number }>
  decrement(key: string, amount: number, options: object): Promise<{ success: boolean; value: number }>
  append(key: string, value: unknown): Promise<boolean>
  prepend(key: string, value: unknown): Promise<boolean>
  touch(key: string, expires: number): Promise<boolean>
  flush(): Promise<unknown>
  stats(callback: Callback): void
  close(): void
}
const { Client } = load<{ Client: { create(servers: string, options?: object): Client } }>("memjs")

let port: number
const connect = (servers = `127.0.0.1:${port}`) =>
  traced(Client.create(servers, { timeout: 1, retries: 2, retry_delay: 0.01, logger: { log() {} } }))

behavesAsIntegration<Client>({
  integration: memjsIntegration,
  async start() {
    const store = await startStore("memcached")
    port = store.port
    return store.stop
  },
  connect: () => Promise.resolve(connect()),
  close: (client) => client.close(),
  call: (client) => client.set(SECRET, SECRET, { expires: 60 }),
  span: {
    name: /^set 127\.0\.0\.1:\d+$/,
    tags: () => ({
      "span.kind": "client",
      "db.system.name": "memcached",
      "db.operation.name": "set",
      "server.address": "127.0.0.1",
      "server.port": port,
    }),
  },
  // What is there is no number.
  fail: (client) => client.increment(SECRET, 2, {}),
  failure: { "error.type": "6", "db.response.status_code": "6", "db.operation.name": "increment" },

  async transcript(client, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, JSON.stringify(value)),
        (error) => write(`${what} failed`, error),
      )
    for (let at = 0; at < 10; at++) await settle(`set ${at}`, client.set(`key${at}`, `${SECRET}${at}`, { expires: 60 }))
    for (let at = 0; at < 6; at++) await settle(`get ${at}`, client.get(`key${at}`))
    await settle("miss", client.get("nothing"))
    await settle("add", client.add("key1", "x", {}))
    await settle("add what is new", client.add("new", "x", {}))
    await settle("replace", client.replace("key1", "5", {}))
    await settle("replace nothing", client.replace("nothing", "5", {}))
    await settle("increment", client.increment("key1", 2, {}))
    await settle("decrement", client.decrement("key1", 1, {}))
    await settle("increment nothing", client.increment("counter", 2, { initial: 7 }))
    await settle("no number", client.increment("key2", 2, {}))
    await settle("append", client.append("key2", "x"))
    await settle("append to nothing", client.append("nothing", "x"))
    await settle("prepend", client.prepend("key2", "x"))
    await settle("touch", client.touch("key2", 10))
    await settle("delete", client.delete("key3"))
    await settle("delete nothing", client.delete("nothing"))
    await settle("too long a key", client.get("k".repeat(300)))
    await settle("at once", Promise.all([client.get("key4"), client.get("key5"), client.delete("key6")]))
    await new Promise<void>((resolve) => {
      const gives = client.get("key4", function (this: unknown, ...given) {
        write("called", this === undefined, given.length, String(given[1]))
        resolve()
      })
      write("gives", gives)
    })
    await new Promise<void>((resolve) => client.set("key4", "y", {}, (...given) => resolve(write("called", ...given))))
    await new Promise<void>((resolve) => client.stats((error, server) => resolve(write("stats", error, typeof server))))
    await settle(
      "flush",
      client.flush().then((flushed) => Object.values(flushed as object)),
    )
    const refused = connect("127.0.0.1:1")
    await settle("refused", refused.get("key1"))
    refused.close()
  },
})

describe("memjs", () => {
  it("makes one span of a command that is tried again, and calls back in the caller's scope", async () => {
    const recording = new Recording().watch(memjsIntegration)
    const client = connect("127.0.0.1:1")
    const { spans, value } = await recording.children(
      (parent) => new Promise((resolve) => client.get(SECRET, (error) => resolve([String(error), recording.tracer.activeSpan === parent]))),
    )
    expect(value).toEqual([expect.stringContaining("ECONNREFUSED"), true])
    expect(spans.map((span) => [span.operationName, tagsOf(span)["error.kind"]])).toEqual([["get 127.0.0.1:1", "ECONNREFUSED"]])
    // Both attempts.
    expect(spans[0]?.durationUs).toBeGreaterThan(8000)
    recording.unwatch()
    client.close()
  })

  it("does not name a server that the library has yet to choose", async () => {
    const store = await startStore("memcached")
    const recording = new Recording().watch(memjsIntegration)
    const client = connect(`127.0.0.1:${store.port},localhost:${store.port}`)
    const { spans } = await recording.children(() => client.get("key"))
    expect([spans[0]?.operationName, tagsOf(spans[0])["server.address"]]).toEqual(["get", undefined])
    recording.unwatch()
    client.close()
    await store.stop()
  })
})
