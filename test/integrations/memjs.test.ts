import { describe, expect, it } from "vitest"
import { memjsIntegration } from "../../src/integrations/memjs.ts"
import { traced } from "../../src/memjs.ts"
import { behavesAsMemcached, type Command } from "./_memcached.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { SECRET, settling } from "./_suite.ts"
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

const connect = (servers: string) => traced(Client.create(servers, { timeout: 1, retries: 2, retry_delay: 0.01, logger: { log() {} } }))

const commands: Record<Command, (client: Client, key: string, value: unknown) => Promise<unknown>> = {
  get: (client, key) => client.get(key),
  set: (client, key, value) => client.set(key, value, { expires: 60 }),
  add: (client, key, value) => client.add(key, value, {}),
  replace: (client, key, value) => client.replace(key, value, {}),
  append: (client, key, value) => client.append(key, value),
  incr: (client, key, value) => client.increment(key, value as number, {}),
  touch: (client, key, value) => client.touch(key, value as number),
  delete: (client, key) => client.delete(key),
}

behavesAsMemcached<Client>({
  integration: memjsIntegration,
  connect: (port) => connect(`127.0.0.1:${port}`),
  close: (client) => client.close(),
  run: (client, command, key, value) => commands[command](client, key, value),
  flush: (client) => client.flush(),
  failure: { "error.type": "6", "db.response.status_code": "6", "db.operation.name": "increment" },

  async more(client, write) {
    const settle = settling((what, value) => write(what, value instanceof Error ? value : JSON.stringify(value)))
    await settle("decrement", client.decrement("key1", 1, {}))
    await settle("increment nothing", client.increment("counter", 2, { initial: 7 }))
    await settle("prepend", client.prepend("key2", "x"))
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
