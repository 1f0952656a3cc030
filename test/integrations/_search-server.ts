import { createServer } from "node:http"

type Document = Record<string, unknown>

/** What a server of the test has been asked: the path, and the trace that the request belongs to. */
export interface Asked {
  readonly path: string
  readonly traceparent: string | undefined
}

/** A double of Elasticsearch and OpenSearch: keeps documents by index and id, finds them by the value of a field, and quotes what it refuses. */
export async function startSearch(): Promise<{ url: string; port: number; asked: Asked[]; unavailable: number; stop(): Promise<void> }> {
  const indices = new Map<string, Map<string, Document>>()
  const state = { asked: [] as Asked[], unavailable: 0 }
  const server = createServer((request, response) => {
    const path = request.url ?? ""
    state.asked.push({ path, traceparent: request.headers["traceparent"] as string | undefined })
    let text = ""
    request.on("data", (data) => (text += data))
    request.on("end", () => {
      const [status, body] = state.unavailable-- > 0 ? [503, { error: "unavailable" }] : answer(request.method ?? "GET", path, text)
      response.writeHead(status as number, { "content-type": "application/json", "x-elastic-product": "Elasticsearch" })
      response.end(request.method === "HEAD" ? undefined : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}`,
    port,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })

  function answer(method: string, path: string, text: string): readonly [number, unknown] {
    const [first = "", verb = "", id = ""] = path.replace(/\?.*/, "").split("/").slice(1).map(decodeURIComponent)
    const refuse = (status: number, type: string, reason: string) =>
      [status, { status, error: { type, reason, root_cause: [{ type, reason }] } }] as const
    if (first === "") return [200, { version: { number: "9.0.0" }, tagline: "You Know, for Search" }]
    if (first === "_cluster") return [200, { status: "green" }]
    if (first === "_bulk") {
      const lines = text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Document)
      for (let at = 0; at < lines.length; at += 2) {
        const { _index, _id } = (lines[at] as { index: { _index: string; _id: string } }).index
        indexOf(_index).set(_id, lines[at + 1] ?? {})
      }
      return [200, { errors: false, items: lines.length / 2 }]
    }
    if (verb === "" && method === "PUT")
      return indices.has(first)
        ? refuse(400, "resource_already_exists_exception", `index [${first}] already exists`)
        : [200, { index: indexOf(first) && first }]
    if (verb === "_doc" && method === "PUT") return [201, { result: indexOf(first).set(id, JSON.parse(text) as Document) && "created" }]
    const documents = indices.get(first)
    if (documents === undefined) return refuse(404, "index_not_found_exception", `no such index [${first}]`)
    if (verb === "" && method === "DELETE") return [200, { acknowledged: indices.delete(first) }]
    if (verb === "") return [200, { [first]: {} }]
    if (verb === "_doc" && method === "DELETE") return documents.delete(id) ? [200, { result: "deleted" }] : [404, { result: "not_found" }]
    if (verb === "_doc")
      return documents.has(id) ? [200, { _id: id, found: true, _source: documents.get(id) }] : [404, { _id: id, found: false }]
    if (verb === "_update")
      return [200, { result: documents.set(id, { ...documents.get(id), ...(JSON.parse(text) as { doc: Document }).doc }) && "updated" }]
    if (verb === "_count") return [200, { count: documents.size }]
    const [[kind = "", asked] = []] = Object.entries(((JSON.parse(text || "{}") as Document)["query"] ?? { match_all: {} }) as Document)
    if (kind === "match_all") return [200, { hits: { hits: [...documents.keys()] } }]
    if (kind !== "match") return refuse(400, "parsing_exception", `unknown query [${kind}] in ${text}`)
    const [[field = "", value] = []] = Object.entries(asked as Document)
    return [200, { hits: { hits: [...documents].filter(([, document]) => document[field] === value).map(([key]) => key) } }]
  }

  function indexOf(name: string): Map<string, Document> {
    const documents = indices.get(name) ?? new Map<string, Document>()
    indices.set(name, documents)
    return documents
  }
}
