import { channel } from "node:diagnostics_channel"
import { afterEach, describe, expect, it } from "vitest"
import { traced } from "../../src/graphql.ts"
import { graphqlIntegration } from "../../src/integrations/graphql.ts"
import { httpIntegration } from "../../src/integrations/http.ts"
import { startHttp } from "./_origin.ts"
import { Recording, tagsOf } from "./_recording.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"

type Result = { data?: unknown; errors?: readonly { message: string }[] }
interface Graphql {
  buildSchema(source: string): { getSubscriptionType(): { getFields(): Record<string, { subscribe?: unknown }> } }
  parse(source: string): object
  validate(schema: object, document: object): readonly { message: string }[]
  execute(args: object): Result | Promise<Result>
  executeSync(args: object): Result
  subscribe(args: object): Promise<AsyncIterable<Result> | Result> | AsyncIterable<Result>
  graphql(args: object): Promise<Result>
  graphqlSync(args: object): Result
}

const source = `
  type Query { hello(name: String): String, slow(ms: Int): Int, broken(secret: String): String, coded: Int, list: [Item!]! }
  type Item { id: ID, name: String }
  type Mutation { add(name: String!): Item }
  type Subscription { counted(to: Int!): Int }`

class Broken extends Error {
  override name = "Broken"
}
const rootValue = {
  hello: ({ name }: { name?: string }) => `hello ${name}`,
  slow: ({ ms }: { ms: number }) => new Promise((resolve) => setTimeout(resolve, ms, ms)),
  broken({ secret }: { secret?: string }) {
    throw new Broken(`broken: ${secret}`)
  },
  coded() {
    throw Object.assign(new Error("coded"), { extensions: { code: "FORBIDDEN" } })
  },
  list: () => [{ id: 1, name: async () => "one" }],
  add: async ({ name }: { name: string }) => ({ id: 2, name }),
  async *counted({ to }: { to: number }) {
    for (let at = 1; at <= to; at++) yield { counted: at }
  },
}

// Version 17 has tracing channels; of version 16 two files are patched, as the plugin does it.
const versions = [
  { version: 17, library: load<Graphql>("graphql"), files: [load<object>("graphql")], steps: ["graphql.parse", "graphql.validate"] },
  {
    version: 16,
    library: load<Graphql>("graphql16"),
    files: [load<object>("graphql16/execution/execute.js"), load<object>("graphql16/execution/subscribe.js")],
    steps: [],
  },
] as const

for (const { version, library, files, steps } of versions) {
  for (const file of files) traced(file)
  const schema = library.buildSchema(source)
  const slow = library.parse(`query Slow($s: String) { hello(name: $s) slow(ms: 1) literal: hello(name: "${SECRET}") }`)
  const broken = library.parse(`query Broken { broken(secret: "${SECRET}") }`)

  describe(`graphql ${version}`, () => {
    behavesAsIntegration<Graphql>({
      integration: graphqlIntegration,
      start: () => Promise.resolve(async () => {}),
      connect: () => Promise.resolve(library),
      close: () => {},
      call: async ({ execute }) => execute({ schema, document: slow, rootValue, variableValues: { s: SECRET } }),
      span: {
        name: "query",
        tags: () => ({ "span.kind": "server", "graphql.operation.type": "query", "graphql.operation.name": "Slow" }),
      },
      fail: async ({ execute }) => execute({ schema, document: broken, rootValue }),
      failure: { "error.type": "Broken", "graphql.operation.name": "Broken" },

      async transcript({ parse, validate, execute, executeSync, subscribe, graphql, graphqlSync }, write) {
        const settle = async (what: string, run: () => unknown) => {
          try {
            write(what, JSON.stringify(await run()))
          } catch (error) {
            write(`${what} failed`, error)
          }
        }
        for (let at = 0; at < 8; at++)
          await settle(`query ${at}`, () => graphql({ schema, rootValue, source: `{ hello(name: "${SECRET}${at}") }` }))
        for (const ms of [0, 1, 2]) await settle(`slow ${ms}`, () => graphql({ schema, rootValue, source: `{ slow(ms: ${ms}) }` }))
        await settle("syntax", () => graphql({ schema, rootValue, source: `{ hello(name: "${SECRET}" ` }))
        await settle("no such field", () => graphql({ schema, rootValue, source: "{ nothing }" }))
        await settle("broken", () => graphql({ schema, rootValue, source: "{ broken }" }))
        await settle("coded", () => graphql({ schema, rootValue, source: "{ coded hello }" }))
        await settle("mutation", () => graphql({ schema, rootValue, source: 'mutation Add { add(name: "x") { id name } }' }))
        await settle("list", () => graphql({ schema, rootValue, source: "{ list { id name } }" }))
        await settle("variables", () =>
          graphql({ schema, rootValue, source: "query($n: String) { hello(name: $n) }", variableValues: { n: SECRET } }),
        )
        await settle("wrong variable", () =>
          graphql({ schema, rootValue, source: "query($n: Int!) { slow(ms: $n) }", variableValues: { n: "x" } }),
        )
        await settle("two operations", () =>
          graphql({ schema, rootValue, source: "query A { hello } query B { coded }", operationName: "A" }),
        )
        await settle("which of two", () => graphql({ schema, rootValue, source: "query A { hello } query B { coded }" }))
        await settle("at once", () => graphqlSync({ schema, rootValue, source: "{ hello }" }))
        await settle("not at once", () => graphqlSync({ schema, rootValue, source: "{ slow(ms: 1) }" }))
        await settle("parse", () => Object.keys(parse("{ hello }")))
        await settle("parse error", () => parse(`{ hello(name: "${SECRET}) }`))
        await settle("validate", () => validate(schema, parse("{ hello }")))
        await settle("validate error", () => validate(schema, parse("{ nothing }")).map(({ message }) => message))
        const document = parse("{ hello }")
        write("gives a value", execute({ schema, document, rootValue }) instanceof Promise)
        write("gives a promise", execute({ schema, document: slow, rootValue }) instanceof Promise)
        await settle("execute at once", () => executeSync({ schema, document, rootValue }))
        await settle("no document", () => execute({ schema, rootValue }))
        await settle("no arguments", () => (execute as () => unknown)())
        const counting = await subscribe({ schema, rootValue, document: parse("subscription Count { counted(to: 3) }") })
        for await (const event of counting as AsyncIterable<Result>) write("event", JSON.stringify(event))
        await settle("no such subscription", () => subscribe({ schema, rootValue: {}, document: parse("subscription { counted(to: 3) }") }))
        await settle("no subscription", () => subscribe({ schema, rootValue, document: parse("{ hello }") }))
      },
    })

    it("makes a span of each step, with the type of the operation, and never the document", async () => {
      const recording = new Recording().watch(graphqlIntegration)
      const { spans } = await recording.children(
        () => library.graphql({ schema, rootValue, source: `mutation Add { add(name: "${SECRET}") { id } }` }),
        steps.length + 1,
      )
      expect(spans.map(({ operationName }) => operationName)).toEqual([...steps, "mutation"])
      expect(tagsOf(spans.at(-1))).toEqual({
        "span.kind": "server",
        "graphql.operation.type": "mutation",
        "graphql.operation.name": "Add",
      })
      recording.unwatch()
    })

    it("is the parent of what resolvers call", async () => {
      const origin = await startHttp()
      const { get } = process.getBuiltinModule("node:http")
      const recording = new Recording().watch(graphqlIntegration).watch(httpIntegration)
      const asking = {
        hello: () => new Promise((resolve) => get(origin.url, (response) => response.resume().once("close", () => resolve("x")))),
      }
      const { spans } = await recording.children(() =>
        Promise.resolve(library.execute({ schema, document: library.parse("{ hello }"), rootValue: asking })),
      )
      const execution = spans.find(({ operationName }) => operationName === "query")
      const request = (await recording.finished()).find(({ operationName }) => operationName === "GET")
      expect(request?.parentSpanId).toBe(execution?.spanId)
      recording.unwatch()
      await origin.close()
    })

    it("tells the code of an error, and traces a subscription until its events can be read", async () => {
      const recording = new Recording().watch(graphqlIntegration)
      const { spans } = await recording.children(() => library.execute({ schema, document: library.parse("{ coded }"), rootValue }))
      expect(tagsOf(spans.find(({ operationName }) => operationName === "query"))).toMatchObject({ error: true, "error.type": "FORBIDDEN" })
      const document = library.parse("subscription Count { counted(to: 1) }")
      const { spans: subscribed } = await recording.children(async () => library.subscribe({ schema, rootValue, document }))
      expect(subscribed.map(({ operationName }) => operationName)).toEqual(["subscription"])
      recording.unwatch()
    })
  })
}

describe("where a channel asks more of a store than run", () => {
  const probe = channel("antifreeze:probe")
  afterEach(() => void Reflect.deleteProperty(probe, "runStores"))

  it("still makes a span of each step", async () => {
    // As Node 26 does.
    Object.defineProperty(probe, "runStores", {
      configurable: true,
      value() {
        throw new TypeError("store.withScope is not a function")
      },
    })
    const { version, library } = versions[0]
    expect(version).toBe(17)
    const schema = library.buildSchema(source)
    const recording = new Recording().watch(graphqlIntegration)
    const { spans, value } = await recording.children(() => library.graphql({ schema, rootValue, source: "{ slow(ms: 20) }" }), 3)
    expect(value).toEqual({ data: { slow: 20 } })
    expect(spans.map(({ operationName }) => operationName)).toEqual(["graphql.parse", "graphql.validate", "query"])
    expect(spans[2]?.durationUs).toBeGreaterThan(15_000)
    recording.unwatch()
  })
})
