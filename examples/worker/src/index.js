import { DurableObject } from "cloudflare:workers"
import { withTracing } from "antifreeze"

// The messages of this queue, and the calls of this object, carry the trace to the other side.
const options = { queues: ["JOBS"], rpc: ["COUNTER"] }

export const Counter = withTracing(
  class Counter extends DurableObject {
    async next() {
      const count = ((await this.ctx.storage.get("count")) ?? 0) + 1
      await this.ctx.storage.put("count", count)
      return count
    }
  },
  options,
)

export default withTracing(
  {
    async fetch(_request, env, ctx) {
      await env.DB.exec("create table if not exists orders (id integer primary key, item text)")
      const cached = await env.CACHE.get("prices")
      const prices = cached ?? (await (await fetch(env.PRICES_URL)).text())
      const id = await env.COUNTER.getByName("orders").next()
      await env.DB.prepare("insert or replace into orders values (?, ?)").bind(id, "book").run()
      await env.JOBS.send({ id })
      ctx.waitUntil(env.CACHE.put("prices", prices, { expirationTtl: 60 }))
      return new Response(lines(id, prices), { headers: { "content-type": "application/x-ndjson" } })
    },

    async queue(batch, env) {
      for (const message of batch.messages) {
        await env.DB.prepare("select item from orders where id = ?").bind(message.body.id).first()
        message.ack()
      }
    },
  },
  options,
)

/** An answer that takes its time: the root span ends with it. */
function lines(id, prices) {
  const text = new TextEncoder()
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(text.encode(`${JSON.stringify({ id })}\n`))
      await new Promise((resolve) => setTimeout(resolve, 40))
      controller.enqueue(text.encode(`${prices}\n`))
      controller.close()
    },
  })
}
