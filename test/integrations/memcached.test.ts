import { describe, expect, it } from "vitest"
import { memcachedIntegration } from "../../src/integrations/memcached.ts"
import { traced } from "../../src/memcached.ts"
import { behavesAsMemcached, type Command } from "./_memcached.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { SECRET, settling } from "./_suite.ts"
import { startStore } from "./stores.mjs"

// biome-ignore lint/suspicious/noExplicitAny: every command of memcached.
type Client = any
const Memcached = load<new (server: string, options?: object) => Client>("memcached")

const connect = (port: number) => traced(new Memcached(`127.0.0.1:${port}`, { retries: 0, timeout: 300, reconnect: 1 }))

/** Calls a command, and tells what its callback was given and called on. */
function ask(client: Client, name: string, ...args: unknown[]): Promise<{ value: unknown; on: unknown }> {
  return new Promise((resolve, reject) => {
    client[name](...args, function (this: { key?: unknown } | undefined, error: unknown, value: unknown) {
      if (error) reject(error)
      else resolve({ value, on: this?.key })
    })
  })
}

/** After its key, each takes what it is given in an order of its own. */
function run(client: Client, command: Command, key: string, value?: string | number): Promise<unknown> {
  const expires = ["set", "add", "replace"].includes(command) ? [60] : []
  return ask(client, command === "delete" ? "del" : command, key, ...(value === undefined ? [] : [value]), ...expires)
}

behavesAsMemcached<Client>({
  integration: memcachedIntegration,
  connect,
  close: (client) => client.end(),
  run,
  flush: (client) => ask(client, "flush"),
  failure: { "error.kind": "Error", "db.operation.name": "incr" },

  async more(client, write) {
    const settle = settling((what, value) => write(what, value instanceof Error ? value : JSON.stringify(value)))
    await settle("several", ask(client, "getMulti", ["key1", "key2"]))
    await settle(
      "gets",
      ask(client, "gets", "key3").then(({ value }) => Object.keys(value as object)),
    )
    await settle(
      "version",
      ask(client, "version").then(({ value }) => (value as object[]).length),
    )
    write(
      "gives",
      client.get("key1", () => {}),
    )
  },
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
