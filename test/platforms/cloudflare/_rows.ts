/** One call of one binding: what it is, and the spans that it makes. */
export interface Row {
  readonly what: string
  readonly path: string
  /** `kind name`, with ` failed` and ` links=n` where that is so. */
  readonly spans: readonly string[]
  /** The answer itself tells of the trace. */
  readonly differs?: boolean
}

const root = "server GET"
const client = (...names: string[]) => names.map((name) => `client ${name}`)

export const calls: readonly Row[] = [
  { what: "KV", path: "/kv", spans: [root, ...client("put KV", "get KV", "getWithMetadata KV", "list KV", "delete KV")] },
  { what: "KV, bound method", path: "/kv-bound", spans: [root, "client get KV"] },
  { what: "KV, detached method", path: "/kv-detached", spans: [root] },
  { what: "KV of cloudflare:workers", path: "/kv-global", spans: [root, "client get KV"] },
  { what: "KV, rejected", path: "/kv-error", spans: [root, "client put KV failed"] },
  { what: "R2", path: "/r2", spans: [root, ...client("put R2", "get R2", "head R2", "list R2", "delete R2")] },
  {
    what: "D1",
    path: "/d1",
    spans: [root, ...client("CREATE users", "INSERT users", "batch D1", "SELECT users", "SELECT users", "SELECT users")],
  },
  { what: "D1, rejected", path: "/d1-error", spans: [root, "client SELECT nowhere failed"] },
  {
    what: "Queues, with context",
    path: "/queue",
    spans: [root, "producer send QUEUE", "producer send QUEUE", "consumer process jobs links=2", "client get KV"],
  },
  { what: "Queues", path: "/queue-plain", spans: [root, "producer send OTHER", "consumer process others", "client get KV"] },
  { what: "Durable Object, fetch", path: "/do-fetch", spans: [root, "client GET", root], differs: true },
  { what: "Durable Object, RPC", path: "/do-rpc", spans: [root, "client OBJECT/hello", "server Obj/hello"] },
  { what: "Durable Object, inner call", path: "/do-inner", spans: [root, "client OBJECT/outer", "server Obj/outer"] },
  { what: "Durable Object, pipelining", path: "/do-pipeline", spans: [root, "client OBJECT/nested", "server Obj/nested"] },
  { what: "Durable Object, property", path: "/do-property", spans: [root] },
  { what: "Durable Object, failing RPC", path: "/do-fail", spans: [root, "client OBJECT/fail failed", "server Obj/fail failed"] },
  { what: "Durable Object, by name", path: "/do-name", spans: [root, "client OBJECT/hello", "server Obj/hello"] },
  {
    what: "Durable Object storage",
    path: "/do-storage",
    spans: [root, "client OBJECT/store", "server Obj/store", ...client("put storage", "get storage", "delete storage")],
  },
  {
    what: "Durable Object SQL",
    path: "/do-sql",
    spans: [root, "client OBJECT/sql", "server Obj/sql", ...client("exec sql", "exec sql", "exec sql")],
  },
  {
    what: "Durable Object, alarm",
    path: "/do-alarm",
    spans: [root, "client OBJECT/wake", "server Obj/wake", "client setAlarm storage", "server Obj alarm", "internal in alarm"],
  },
  { what: "Durable Object, stub", path: "/do-instance", spans: [root] },
  { what: "service binding, fetch", path: "/service-fetch", spans: [root, "client GET", root], differs: true },
  { what: "service binding, RPC", path: "/service-rpc", spans: [root, "client SERVICE/add", "server Entry/add"] },
  {
    what: "service binding, untraced callee",
    path: "/service-argc",
    spans: [root, "client SERVICE/argc", "server Entry/argc", "client PLAIN/argc"],
  },
  {
    what: "service binding, stub as argument",
    path: "/service-pass",
    spans: [root, "client SERVICE/pass", "server Entry/pass", "server Obj/hello"],
  },
  { what: "Cache API", path: "/cache", spans: [root, ...client("put default", "match cache", "match default", "delete default")] },
  { what: "Analytics Engine", path: "/analytics", spans: [root, "client writeDataPoint ANALYTICS"] },
  { what: "Rate limiting", path: "/rate-limit", spans: [root, "client limit LIMIT"] },
  {
    what: "Workflow",
    path: "/workflow",
    spans: [root, "client create FLOW", "server Flow run", "internal first", "internal second failed", "internal second", "client get KV"],
  },
  { what: "Secrets Store", path: "/secret", spans: [root, "client SECRET/get failed"] },
  { what: "Email sending", path: "/email-send", spans: [root, "client MAIL/send"] },
  { what: "Pipelines", path: "/pipeline", spans: [root, "client PIPE/send"] },
  { what: "Images", path: "/images", spans: [root, "client info IMAGES"] },
  { what: "Hyperdrive, settings", path: "/hyperdrive", spans: [root] },
  { what: "a method that may come", path: "/future", spans: [root] },
]

/** No local stand-in of the same class for these: tested against a double of the class, untested against the real thing. */
export const untested: readonly string[] = [
  "Workers AI",
  "Vectorize",
  "Pipelines, class",
  "Email sending, class",
  "dispatch namespace",
  "Browser rendering",
]
