import { readFileSync } from "node:fs"
import { join } from "node:path"
import { root, startWorker, type Worker, type WorkerOptions } from "./_worker.ts"

/** Everything that the local runtime can stand in for. */
const miniflare = {
  kvNamespaces: ["KV"],
  r2Buckets: ["R2"],
  d1Databases: ["D1"],
  queueProducers: { QUEUE: "jobs", OTHER: "others" },
  queueConsumers: { jobs: { maxBatchSize: 3, maxBatchTimeout: 0.1 }, others: { maxBatchTimeout: 0.1 } },
  durableObjects: { OBJECT: { className: "Obj", useSQLite: true } },
  serviceBindings: { SERVICE: { name: "main", entrypoint: "Entry" }, PLAIN: { name: "main", entrypoint: "Plain" } },
  analyticsEngineDatasets: { ANALYTICS: { dataset: "a" } },
  ratelimits: { LIMIT: { namespace_id: "1", simple: { limit: 1000, period: 60 } } },
  workflows: { FLOW: { name: "flow", className: "Flow" } },
  versionMetadata: "VERSION",
  secretsStoreSecrets: { SECRET: { store_id: "s", secret_name: "n" } },
  hyperdrives: { HYPERDRIVE: "postgres://u:p@127.0.0.1:5432/db" },
  pipelines: { PIPE: "pipe" },
  images: { binding: "IMAGES" },
  email: { send_email: [{ name: "MAIL" }] },
}

/** A Worker whose events the other one gets. */
const tailed = {
  name: "tailed",
  modules: [
    { type: "ESModule", path: "tailed.mjs", contents: 'export default { fetch() { console.log("seen"); return new Response("tailed") } }' },
  ],
  compatibilityDate: "2026-07-30",
  tails: ["main"],
  unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
}

export function startEveryBinding(more: Pick<WorkerOptions, "bare" | "onPrint"> = {}): Promise<Worker> {
  return startWorker({
    source: readFileSync(join(root, "test/platforms/fixtures/every-binding.js"), "utf8"),
    ...more,
    miniflare,
    others: [tailed],
  })
}
