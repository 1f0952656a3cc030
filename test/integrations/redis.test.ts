import { describe } from "vitest"
import { redisIntegration } from "../../src/integrations/redis.ts"
import { traced } from "../../src/redis.ts"
import { older } from "./_older.ts"
import { behavesAsRedis, type RedisSubject } from "./_redis.ts"
import { client as load, olderClient } from "./_stores.ts"
import { SECRET, settling } from "./_suite.ts"

// biome-ignore lint/suspicious/noExplicitAny: every command of Redis, and the batches of them.
type Redis = any
interface Library {
  createClient(options: object): Redis
}

function subject({ createClient }: Library): RedisSubject<Redis> {
  const ready = new WeakMap<object, Promise<unknown>>()
  return {
    integration: redisIntegration,
    connect(port, database) {
      const socket = { port, host: "127.0.0.1", reconnectStrategy: false }
      const client = createClient({ socket, ...(database === undefined ? {} : { database }) }).on("error", () => {})
      const connecting: Promise<unknown> = client.connect()
      connecting.catch(() => {})
      ready.set(client, connecting)
      return client
    },
    ready: (client) => ready.get(client) ?? Promise.reject(new Error("unknown")),
    close: (client) => client.isOpen && client.destroy(),
    run: (client, command, ...args) => (command === "publish" ? client.publish(...args) : client[command.toUpperCase()](...args)),
    send: (client, ...words) => client.sendCommand(words),
    multi: (client) => client.multi(),
    exec: (batch: Redis) => batch.exec(),
    pipeline: (client, fill) => (fill(client.multi()) as Redis).execAsPipeline(),
    pipelineSpans: [["PIPELINE", 2]],
    tellsRefused: true,
    script: (client, text, keys, args) => client.eval(text, { keys, arguments: args }),
    scan: (client, pattern) => client.scanIterator({ MATCH: pattern, COUNT: 3 }),
    async hear(client, channel, publish) {
      const subscriber = client.duplicate().on("error", () => {})
      await subscriber.connect()
      const heard = new Promise<string>((resolve) => void subscriber.subscribe(channel, resolve).then(publish))
      return heard.finally(() => subscriber.destroy())
    },
    async more(client, write) {
      const settle = settling(write)
      await settle("stream", client.xAdd("stream", "1-1", { secret: SECRET }))
      await settle("watched", client.watch("key1"))
      await settle("transaction", client.multi().get("key1").exec())
    },
  }
}

behavesAsRedis(subject(load<Library>("redis")))

describe("redis 5.11, which publishes nothing by itself", () => {
  const made = subject(olderClient<Library>("redis"))
  behavesAsRedis({ ...made, integration: older(redisIntegration, "redis"), connect: (...args) => traced(made.connect(...args)) })
})
