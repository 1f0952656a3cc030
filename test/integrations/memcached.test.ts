import { describe, expect, it } from "vitest"
import { memcachedIntegration } from "../../src/integrations/memcached.ts"
import { traced } from "../../src/memcached.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"
import { startStore } from "./stores.mjs"

// biome-ignore lint/suspicious/noExplicitAny: every command of memcached.
type Client = any
const Memcached = load<new (server: string, options?: object) => Client>("memcached")

let port: number
const connect = (at = port) => traced(new Memcached(`127.0.0.1:${at}`, { retries: 0, timeout: 300, reconnect: 1 }))

/** Calls a command, and tells what its callback was given and called on. */
function ask(client: Client, name: string, ...args: unknown[]): Promise<{ value: unknown; on: unknown }> {
  return new Promise((resolve, reject) => {
    client[name](...args, function (this: { key?: unknown } | undefined, error: unknown, value: unknown) {
      if (error) reject(error)
      else resolve({ value, on: this?.key })
    })
  })
}

behavesAsIntegration<Client>({
  integration: memcachedIntegration,
  async start() {
    const store = await startStore("memcached")
    port = store.port
    return store.stop
  },
  connect: () => Promise.resolve(connect()),
  close: (client) => client.end(),
  call: (client) => ask(client, "set", SECRET, SECRET, 60),
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
  fail: (client) => ask(client, "incr", SECRET, 2),
  failure: { "error.kind": "Error", "db.operation.name": "incr" },

  async transcript(client, write) {
    const settle = (what: string, promise: Promise<unknown>) =>
      promise.then(
        (value) => write(what, JSON.stringify(value)),
        (error) => write(`${what} failed`, String(error)),
      )
    for (let at = 0; at < 10; at++) await settle(`set ${at}`, ask(client, "set", `key${at}`, `${SECRET}${at}`, 60))
    for (let at = 0; at < 10; at++) await settle(`get ${at}`, ask(client, "get", `key${at}`))
    await settle("miss", ask(client, "get", "nothing"))
    await settle("several", ask(client, "getMulti", ["key1", "key2"]))
    await settle("add", ask(client, "add", "key1", "x", 60))
    await settle("replace", ask(client, "replace", "key1", 5, 60))
    await settle("count", ask(client, "incr", "key1", 2))
    await settle("not a number", ask(client, "incr", "key2", 2))
    await settle("append", ask(client, "append", "key2", "x"))
    await settle("append to nothing", ask(client, "append", "nothing", "x"))
    await settle("touch", ask(client, "touch", "key2", 10))
    await settle(
      "gets",
      ask(client, "gets", "key3").then(({ value }) => Object.keys(value as object)),
    )
    await settle("delete", ask(client, "del", "key3"))
    await settle("delete nothing", ask(client, "del", "nothing"))
    await settle(
      "version",
      ask(client, "version").then(({ value }) => (value as object[]).length),
    )
    write(
      "gives",
      client.get("key1", () => {}),
    )
    await settle("refused", ask(connect(1), "get", "key1"))
  },
  reset: (client) => ask(client, "flush"),
})

describe("memcached", () => {
  it("calls back in the caller's scope, and counts the keys of a batch", async () => {
    const store = await startStore("memcached")
    const recording = new Recording().watch(memcachedIntegration)
    const client = connect(store.port)
    const { spans, value } = await recording.children(
      (parent) => new Promise((resolve) => client.getMulti(["a", "b", SECRET], () => resolve(recording.tracer.activeSpan === parent))),
    )
    expect(value).toBe(true)
    expect(tagsOf(spans[0])).toMatchObject({ "db.operation.name": "get", "db.operation.batch.size": 3 })
    recording.unwatch()
    client.end()
    await store.stop()
  })
})
