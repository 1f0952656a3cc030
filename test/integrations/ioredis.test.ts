import { describe } from "vitest"
import { ioredisIntegration } from "../../src/integrations/ioredis.ts"
import { traced } from "../../src/ioredis.ts"
import { older } from "./_older.ts"
import { behavesAsRedis, type RedisSubject } from "./_redis.ts"
import { client as load, olderClient } from "./_stores.ts"
import { SECRET } from "./_suite.ts"

// biome-ignore lint/suspicious/noExplicitAny: every command of Redis, and the batches of them.
type Redis = any
type Library = new (options: object) => Redis

function subject(Client: Library): RedisSubject<Redis> {
  return {
    integration: ioredisIntegration,
    connect: (port, db = 0) =>
      new Client({ port, db, host: "127.0.0.1", retryStrategy: null, maxRetriesPerRequest: 0 }).on("error", () => {}),
    ready: (client) => client.ping(),
    close: (client) => client.disconnect(),
    run: (client, command, ...args) => client[command](...args),
    send: (client, ...words) => client.call(...words),
    multi: (client) => client.multi(),
    exec: (batch: Redis) => batch.exec(),
    pipeline: (client, fill) => (fill(client.pipeline()) as Redis).exec(),
    pipelineSpans: [
      ["SET", undefined],
      ["GET", undefined],
    ],
    tellsRefused: false,
    script: (client, text, keys, args) => client.eval(text, keys.length, ...keys, ...args),
    scan: (client, match) => client.scanStream({ match, count: 3 }),
    async hear(client, channel, publish) {
      const subscriber = client.duplicate().on("error", () => {})
      await subscriber.subscribe(channel)
      const heard = new Promise<string>((resolve) => subscriber.on("message", (_: string, message: string) => resolve(message)))
      await publish()
      return heard.finally(() => subscriber.disconnect())
    },
    async more(client, write) {
      const asked = (what: string, call: (callback: (error: unknown, value: unknown) => void) => void) =>
        new Promise<void>((resolve) =>
          call((error, value) => {
            write(what, error, value)
            resolve()
          }),
        )
      await asked("callback", (callback) => client.get("key1", callback))
      await asked("callback of a transaction", (callback) => client.multi().set("c", SECRET).exec(callback))
      await asked("callback of one that fails", (callback) => client.multi().call("NOSUCH", SECRET).exec(callback))
      await client.multi({ pipeline: false })
      write("queued", await client.get("key1"), await client.exec())
    },
  }
}

behavesAsRedis(subject(load<{ Redis: Library }>("ioredis").Redis))

describe.each(["ioredis", "ioredis-4"])("%s before 5.11, which publishes nothing by itself", (name) => {
  const made = subject(olderClient<Library>(name))
  behavesAsRedis({
    ...made,
    integration: older(ioredisIntegration, "ioredis"),
    connect: (...args) => traced(made.connect(...args)),
    tellsRefused: true,
  })
})
