import { execFileSync } from "node:child_process"
import { channel } from "node:diagnostics_channel"
import { describe, expect, it } from "vitest"
import type { Integration, SpanRecord } from "../../src/core/contracts.ts"
import { withTracing } from "../../src/platforms/lambda/with-tracing.ts"
import { span, tracedFunction } from "../../src/platforms/node/helpers.ts"
import { tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { startStore } from "./stores.mjs"

// A library of one's own, which says on a channel when it calls somebody.
const printed = channel("printer:print")

class Printer {
  print(pages: number): Promise<string> {
    const job = { pages, done: Promise.resolve(`printed ${pages}`) }
    printed.publish(job)
    return job.done
  }
}

interface Job {
  readonly pages: number
  readonly done: Promise<string>
}

const printer: Integration<Job, string> = {
  name: "printer",
  // Where calls happen: route each through `trace`, return what undoes it.
  watch(trace) {
    const listener = (job: unknown) => void trace(job as Job, () => (job as Job).done).catch(() => {})
    printed.subscribe(listener)
    return () => void printed.unsubscribe(listener)
  },
  // What a call means. Pure: a mistake in here tags the span `instrumentation_error`, and breaks nothing.
  describe: ({ pages }) => ({ operationName: "print", kind: "client", tags: { "printer.pages": pages } }),
  tagsOf: (result) => ({ "printer.result": result }),
}

const handler = withTracing(
  async () => {
    await new Printer().print(3)
    return span("staple", (staple) => staple?.setTag("staples", 2) && "done")
  },
  { integrations: [printer], exporter: memory() },
)

const spans: SpanRecord[] = []
function memory() {
  return {
    export: (batch: readonly SpanRecord[]) => {
      spans.push(...batch)
      return Promise.resolve({ delivered: batch.length, dropped: 0, kept: 0 })
    },
  }
}
const context = { awsRequestId: "1", functionName: "own", getRemainingTimeInMillis: () => 3000 }
async function run<T>(handler: (event: object, context: object) => Promise<T>) {
  spans.length = 0
  const value = await handler({}, { ...context, awsRequestId: String(Math.random()) })
  return { value, spans: [...spans] }
}

describe("an integration of the user's own", () => {
  it("stands in place of ours of that name", () => {
    // In a process of its own: each name is watched once.
    const code = `
      const { withTracing } = require("./index.js")
      let watched = 0
      const mine = { name: "http", watch: () => (watched++, () => {}), describe: () => ({ operationName: "", kind: "client", tags: {} }) }
      const handler = withTracing(async () => watched, { integrations: [mine] })
      handler({}, { awsRequestId: "1" }).then(console.log)`
    expect(execFileSync(process.execPath, ["-e", code], { cwd: "dist/cjs", encoding: "utf8" }).trim()).toBe("1")
  })

  it("has a span for each call, with what is known before it and what its result tells", async () => {
    const { value, spans } = await run(handler)
    expect(value).toBe("done")
    expect(spans.map(({ operationName }) => operationName).slice(0, 2)).toEqual(["print", "staple"])
    expect(tagsOf(spans[0])).toEqual({ "span.kind": "client", "printer.pages": 3, "printer.result": "printed 3" })
    expect(tagsOf(spans[1])).toEqual({ staples: 2 })
  })
})

describe("hooks for an integration of ours", () => {
  it("see each span before the call and after it, and cannot break it", async () => {
    const store = await startStore("redis")
    const { Redis } = load<{
      Redis: new (port: number) => { get(key: string): Promise<string | null>; call(name: string): Promise<unknown>; disconnect(): void }
    }>("ioredis")
    const client = new Redis(store.port)
    await client.get("ready")
    const hooked = withTracing(() => client.get("key"), {
      exporter: memory(),
      integrations: [
        {
          name: "ioredis",
          onCall: (span, { args }) => void span.setTag("cache.key", args[0]),
          onResult: (span, result) => void span.setTag("cache.hit", result !== null),
        },
      ],
    })
    const good = await run(hooked)
    expect(tagsOf(good.spans[0])).toMatchObject({ "cache.key": "key", "cache.hit": false })

    const broken = withTracing(() => client.get("key"), {
      exporter: memory(),
      integrations: [
        {
          name: "ioredis",
          onCall() {
            throw new Error("a bug of the user's")
          },
        },
      ],
    })
    const bad = await run(broken)
    expect(bad.value).toBeNull()
    expect(tagsOf(bad.spans[0])).toMatchObject({ instrumentation_error: true })
    client.disconnect()
    await store.stop()
  })
})

describe("span and traced", () => {
  it("pass through what the function gives, throws, and is called on", async () => {
    const error = new Error("no")
    class Cart {
      readonly items = 2
      count(this: Cart, more: number): number {
        return this.items + more
      }
    }
    const count = tracedFunction(Cart.prototype.count)
    const fails = tracedFunction(() => Promise.reject(error), "fails")
    expect([count.name, count.length]).toEqual(["count", 1])
    expect(count.call(new Cart(), 3)).toBe(5)
    const handler = withTracing(
      async () => {
        await expect(fails()).rejects.toBe(error)
        return count.call(new Cart(), 3)
      },
      { exporter: memory() },
    )
    const { value, spans } = await run(handler)
    expect(value).toBe(5)
    expect(spans.map((span) => [span.operationName, tagsOf(span)["error"]]).slice(0, 2)).toEqual([
      ["fails", true],
      ["count", undefined],
    ])
    expect(span("outside", (span) => span)).toBeUndefined()
  })
})
