import type { Integration } from "../../src/core/contracts.ts"
import { behavesAsIntegration, SECRET, settling } from "./_suite.ts"
import { startStore } from "./stores.mjs"

type Write = (what: string, ...values: unknown[]) => void

/** One client of memcached: how it does what all do. */
export interface MemcachedSubject<Client> {
  // biome-ignore lint/suspicious/noExplicitAny: of any client.
  readonly integration: Integration<any, any>
  connect(port: number): Client
  close(client: Client): void
  /** A command by its name in memcached's protocol. */
  run(client: Client, command: Command, key: string, value?: string | number): Promise<unknown>
  flush(client: Client): Promise<unknown>
  /** What is told of an `incr` of what is no number. */
  readonly failure: Record<string, unknown>
  /** What only this client has. */
  more(client: Client, write: Write): Promise<void>
}
export type Command = "get" | "set" | "add" | "replace" | "append" | "incr" | "touch" | "delete"

export function behavesAsMemcached<Client>(subject: MemcachedSubject<Client>): void {
  const { run } = subject
  let port: number

  behavesAsIntegration<Client>({
    integration: subject.integration,
    async start() {
      const store = await startStore("memcached")
      port = store.port
      return store.stop
    },
    connect: () => Promise.resolve(subject.connect(port)),
    close: (client) => subject.close(client),
    call: (client) => run(client, "set", SECRET, SECRET),
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
    fail: (client) => run(client, "incr", SECRET, 2),
    failure: subject.failure,

    async transcript(client, write) {
      const settle = settling((what, value) => write(what, value instanceof Error ? value : JSON.stringify(value)))
      for (let at = 0; at < 10; at++) await settle(`set ${at}`, run(client, "set", `key${at}`, `${SECRET}${at}`))
      for (let at = 0; at < 10; at++) await settle(`get ${at}`, run(client, "get", `key${at}`))
      await settle("miss", run(client, "get", "nothing"))
      await settle("add", run(client, "add", "key1", "x"))
      await settle("add what is new", run(client, "add", "new", "x"))
      await settle("replace", run(client, "replace", "key1", "5"))
      await settle("replace nothing", run(client, "replace", "nothing", "5"))
      await settle("count", run(client, "incr", "key1", 2))
      await settle("no number", run(client, "incr", "key2", 2))
      await settle("append", run(client, "append", "key2", "x"))
      await settle("append to nothing", run(client, "append", "nothing", "x"))
      await settle("touch", run(client, "touch", "key2", 10))
      await settle("delete", run(client, "delete", "key3"))
      await settle("delete nothing", run(client, "delete", "nothing"))
      await settle("too long a key", run(client, "get", "k".repeat(300)))
      await settle("at once", Promise.all([run(client, "get", "key4"), run(client, "get", "key5"), run(client, "delete", "key6")]))
      await subject.more(client, write)
      const refused = subject.connect(1)
      await settle("refused", run(refused, "get", "key1"))
      subject.close(refused)
    },
    reset: (client) => subject.flush(client),
  })
}
