import { expect, test } from "vitest"
import { withTracing } from "../../../src/cloudflare.ts"
import { withTracing as webWithTracing } from "../../../src/web.ts"

interface Env {
  readonly COLLECTOR: string
}

test("options know the environment of the handler that they are for", () => {
  const handler = { fetch: (_request: Request, env: Env) => new Response(env.COLLECTOR) }
  const traced: typeof handler = withTracing(handler, (env) => ({ endpoint: env.COLLECTOR.trim() }))
  class Entry {
    readonly env: Env
    constructor(_context: object, env: Env) {
      this.env = env
    }
  }
  const Traced: typeof Entry = withTracing(Entry, (env) => ({ endpoint: env.COLLECTOR.trim() }))
  const given = withTracing(handler, (env: Env) => ({ endpoint: env.COLLECTOR }))
  const web: typeof handler = webWithTracing(handler, (env) => ({ endpoint: env.COLLECTOR }))
  // @ts-expect-error No such variable.
  withTracing(handler, (env) => ({ endpoint: env.OTHER }))
  expect([traced, Traced, given, web].every((each) => each !== undefined)).toBe(true)
})
