import { describe, expect, it } from "vitest"
import { traced as tracedElasticsearch } from "../../src/elasticsearch.ts"
import { elasticsearchIntegration } from "../../src/integrations/elasticsearch.ts"
import { fetchIntegration } from "../../src/integrations/fetch.ts"
import { httpIntegration } from "../../src/integrations/http.ts"
import { opensearchIntegration } from "../../src/integrations/opensearch.ts"
import { traced as tracedOpensearch } from "../../src/opensearch.ts"
import { Recording, tagsOf, traceparentOf } from "./_recording.ts"
import { startSearch } from "./_search-server.ts"
import { client as load } from "./_stores.ts"
import { behavesAsIntegration, SECRET } from "./_suite.ts"

type Call = (params?: object, options?: object, callback?: (error: unknown, result: unknown) => void) => Promise<unknown>
interface Client {
  readonly info: Call
  readonly ping: Call
  readonly index: Call
  readonly get: Call
  readonly exists: Call
  readonly update: Call
  readonly delete: Call
  readonly search: Call
  readonly count: Call
  readonly bulk: Call
  readonly cluster: { readonly health: Call }
  readonly indices: { readonly create: Call; readonly exists: Call; readonly delete: Call; readonly get: Call }
  readonly transport: { request: Call }
  close(): Promise<void>
}
type Library = { Client: new (options: object) => Client }

const systems = [
  {
    system: "elasticsearch",
    integration: elasticsearchIntegration,
    traced: tracedElasticsearch,
    library: load<Library>("@elastic/elasticsearch"),
    documented: (document: object) => ({ document }),
    operations: (operations: object[]) => ({ operations }),
    // Where the library has undici, or Node's http.
    http: fetchIntegration,
  },
  {
    system: "opensearch",
    integration: opensearchIntegration,
    traced: tracedOpensearch,
    library: load<Library>("@opensearch-project/opensearch"),
    documented: (body: object) => ({ body }),
    operations: (body: object[]) => ({ body }),
    http: httpIntegration,
  },
] as const

// Against a double: Debian has neither server.
for (const { system, integration, traced, library, documented, operations, http } of systems) {
  describe(system, () => {
    let server: Awaited<ReturnType<typeof startSearch>>
    const connect = (options: object = { node: server.url }) => traced(new library.Client({ maxRetries: 1, ...options }))
    const secret = documented({ name: SECRET })

    behavesAsIntegration<Client>({
      integration,
      async start() {
        server = await startSearch()
        return server.stop
      },
      async connect() {
        const client = connect()
        await client.index({ index: "shop", id: SECRET, ...secret })
        return client
      },
      close: (client) => client.close(),
      call: (client) => client.get({ index: "shop", id: SECRET }).then(bodyOf),
      span: {
        name: "get shop",
        tags: () => ({
          "span.kind": "client",
          "db.system.name": system,
          "db.operation.name": "get",
          "db.collection.name": "shop",
          "db.operation.parameter.index": "shop",
          "http.request.method": "GET",
          "url.full": `${server.url}/shop/_doc/REDACTED`,
          "server.address": "127.0.0.1",
          "server.port": server.port,
        }),
      },
      fail: (client) => client.search({ index: "shop", body: { query: { [SECRET]: {} } } }),
      failure: { "error.kind": "parsing_exception", "db.response.status_code": "400", "db.operation.name": "search" },

      async transcript(client, write) {
        const settle = (what: string, promise: Promise<unknown>) =>
          promise.then(
            (value) => write(what, JSON.stringify(bodyOf(value))),
            (error) => write(`${what} failed`, error),
          )
        await settle("info", client.info())
        await settle("ping", client.ping())
        await settle("create", client.indices.create({ index: "run" }))
        await settle("create again", client.indices.create({ index: "run" }))
        await settle("there", client.indices.exists({ index: "run" }))
        await settle("not there", client.indices.exists({ index: "nowhere" }))
        await settle("index of", client.indices.get({ index: "run" }))
        for (let at = 0; at < 8; at++) await settle(`index ${at}`, client.index({ index: "run", id: `${at}`, ...documented({ at }) }))
        for (let at = 0; at < 6; at++) await settle(`get ${at}`, client.get({ index: "run", id: `${at}` }))
        await settle("miss", client.get({ index: "run", id: "99" }))
        await settle("miss, ignored", client.get({ index: "run", id: "99" }, { ignore: [404] }))
        await settle("exists", client.exists({ index: "run", id: "1" }))
        await settle("exists not", client.exists({ index: "run", id: "99" }))
        await settle("update", client.update({ index: "run", id: "1", body: { doc: { more: 1 } } }))
        await settle("find", client.search({ index: "run", body: { query: { match: { at: 3 } } } }))
        await settle("all", client.search({ index: "run" }))
        await settle("no such query", client.search({ index: "run", body: { query: { odd: {} } } }))
        await settle("no such index", client.search({ index: "nowhere" }))
        await settle("count", client.count({ index: "run" }))
        await settle("bulk", client.bulk(operations([{ index: { _index: "run", _id: "20" } }, { at: 20 }])))
        await settle("health", client.cluster.health())
        await settle("delete", client.delete({ index: "run", id: "1" }))
        await settle("delete again", client.delete({ index: "run", id: "1" }))
        await settle("raw", client.transport.request({ method: "GET", path: "/run/_count", querystring: { q: SECRET } }))
        await settle("no id", (async () => client.get({ index: "run" }))())
        await settle(
          "at once",
          Promise.all([client.get({ index: "run", id: "2" }), client.count({ index: "run" })]).then((all) => all.map(bodyOf)),
        )
        await settle(
          "with meta",
          client.count({ index: "run" }, { meta: true }).then((all) => Object.keys(all as object)),
        )
        const aborter = new AbortController()
        const gives = client.count({ index: "run" }, { signal: aborter.signal }) as object
        write("gives", Object.keys(gives), gives instanceof Promise, typeof (gives as { abort?: unknown }).abort)
        await gives
        server.unavailable = 1
        await settle("tried again", client.count({ index: "run" }))
        server.unavailable = 9
        await settle("unavailable", client.count({ index: "run" }))
        server.unavailable = 0
        const refused = connect({ node: "http://127.0.0.1:1" })
        await settle(
          "refused",
          refused.count({ index: "run" }).catch((error) => Promise.reject(`${(error as Error).name}`)),
        )
        await refused.close()
        await settle("drop", client.indices.delete({ index: "run" }))
      },
    })

    it("has a request beneath it for each attempt, which carries the trace", async () => {
      server = await startSearch()
      const recording = new Recording().watch(integration).watch(http as typeof httpIntegration)
      const client = connect()
      server.unavailable = 1
      const { spans } = await recording.children(() => client.cluster.health())
      expect(spans.map(({ operationName }) => operationName)).toEqual([`cluster.health 127.0.0.1:${server.port}`])
      const beneath = (await recording.finished()).filter(({ parentSpanId }) => parentSpanId === spans[0]?.spanId)
      expect(beneath.map((span) => tagsOf(span)["http.response.status_code"])).toEqual([503, 200])
      expect(server.asked.map(({ traceparent }) => traceparent)).toEqual(beneath.map(traceparentOf))
      recording.unwatch()
      await client.close()
      await server.stop()
    })

    it.each([
      [(client: Client) => client.ping(), "ping"],
      [(client: Client) => client.info(), "info"],
      [(client: Client) => client.indices.create({ index: "a" }), "indices.create a"],
      [(client: Client) => client.index({ index: "a", id: "1", ...secret }), "index a"],
      [(client: Client) => client.exists({ index: "a", id: "1" }), "exists a"],
      [(client: Client) => client.search({ index: "a,b*" }).catch(() => {}), "search a,b*"],
      [(client: Client) => client.bulk(operations([{ index: { _index: "a", _id: "2" } }, { name: SECRET }])), "bulk"],
      [(client: Client) => client.delete({ index: "a", id: "1" }), "delete a"],
      [(client: Client) => client.transport.request({ method: "GET", path: "/a/_count?q=secret" }), "count a"],
      [(client: Client) => client.transport.request({ method: "GET", path: "/_cat/indices" }).catch(() => {}), "cat.indices"],
    ])("names %s", async (call, name) => {
      server = await startSearch()
      const recording = new Recording().watch(integration)
      const client = connect()
      await client.indices.create({ index: "a" }).catch(() => {})
      if (name.startsWith("delete")) await client.index({ index: "a", id: "1", ...secret })
      if (name.startsWith("indices.create")) await client.indices.delete({ index: "a" })
      const { spans } = await recording.children(() => call(client))
      expect(spans[0]?.operationName.replace(` 127.0.0.1:${server.port}`, "")).toBe(name)
      expect(JSON.stringify(tagsOf(spans[0]))).not.toContain("ecret")
      recording.unwatch()
      await client.close()
      await server.stop()
    })
  })
}

describe("opensearch", () => {
  it("calls back in the caller's scope, and can be aborted", async () => {
    const server = await startSearch()
    const recording = new Recording().watch(opensearchIntegration)
    const client = tracedOpensearch(new (load<Library>("@opensearch-project/opensearch").Client)({ node: server.url }))
    const { value } = await recording.children(
      (parent) =>
        new Promise((resolve) =>
          client.cluster.health({}, {}, (error, result) => resolve([error, bodyOf(result), recording.tracer.activeSpan === parent])),
        ),
    )
    expect(value).toEqual([null, { status: "green" }, true])
    const { spans, thrown } = await recording.children(() => {
      const asking = client.cluster.health() as Promise<unknown> & { abort(): unknown }
      expect(asking.abort()).toBe(asking)
      return asking
    })
    expect(String(thrown)).toContain("Request aborted")
    expect(tagsOf(spans[0])).toMatchObject({ error: true, "error.kind": "RequestAbortedError" })
    recording.unwatch()
    await client.close()
    await server.stop()
  })
})

function bodyOf(result: unknown): unknown {
  return result !== null && typeof result === "object" && "statusCode" in result && "body" in result ? result.body : result
}
