import { request } from "node:http"
import { builtinModules, createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build, type Plugin } from "esbuild"
import { type Collector, type CollectorOptions, type ReceivedSpan, startCollector } from "../../../src/viewer/collector.ts"

const here = dirname(fileURLToPath(import.meta.url))
export const root: string = join(here, "../../..")
const fixtures = join(here, "../fixtures")
const stores = join(root, "test/integrations/fixtures/stores/node_modules")

interface MiniflareInstance {
  readonly ready: Promise<URL>
  dispose(): Promise<void>
  unsafeGetDirectURL(name: string): Promise<URL>
  getWorker(name?: string): Promise<WorkerHandle>
}

interface WorkerHandle {
  scheduled(options: { cron?: string; scheduledTime?: Date }): Promise<unknown>
  queue(name: string, messages: readonly object[]): Promise<unknown>
}

const { Miniflare } = createRequire(join(fixtures, "package.json"))("miniflare") as {
  Miniflare: new (options: object) => MiniflareInstance
}

export interface Worker {
  readonly url: string
  readonly collector: Collector
  readonly miniflare: MiniflareInstance
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** The text of an answer. */
  get(path: string, init?: RequestInit): Promise<string>
  /** All spans once there are so many, and their batches have had the time to be more. */
  spans(wanted: number | ((spans: readonly ReceivedSpan[]) => boolean)): Promise<readonly ReceivedSpan[]>
  dispose(): Promise<void>
}

export interface WorkerOptions {
  /** Source of the module; `antifreeze` in it is our Cloudflare entry, `antifreeze/edge` the small one. */
  readonly source: string
  readonly flags?: readonly string[]
  /** More of Miniflare's options. */
  readonly miniflare?: object
  /** Everything that workerd prints, the Worker's console too. */
  readonly onPrint?: (text: string) => void
  /** Workers beside it. */
  readonly others?: readonly object[]
  readonly collector?: CollectorOptions
  /** Its untraced twin: `antifreeze` does nothing. */
  readonly bare?: boolean
  /** With the package as it was built, found by its export conditions. */
  readonly built?: boolean
}

export interface BundleOptions {
  readonly minify?: boolean
  readonly bare?: boolean
  readonly built?: boolean
  /** As wrangler does: the names of classes are part of a Worker's interface. */
  readonly keepNames?: boolean
}

/** Node's modules that a CommonJS package requires, as imports of an ES module: wrangler does the same under `nodejs_compat`. */
const nodeModules: Plugin = {
  name: "node-modules",
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`^(node:)?(${builtinModules.join("|")})$`)
    onResolve({ filter }, ({ path, kind }) => {
      const name = `node:${path.replace("node:", "")}`
      return kind === "require-call" ? { path: name, namespace: "node-module" } : { path: name, external: true }
    })
    onLoad({ filter: /./, namespace: "node-module" }, ({ path }) => ({ contents: `import it from "${path}"; module.exports = it` }))
  },
}

/** The source as one module, as a deployment tool makes it. */
export async function bundle(
  source: string,
  { minify = false, bare = false, built = false, keepNames = true }: BundleOptions = {},
): Promise<string> {
  const sources = {
    antifreeze: join(root, bare ? "test/platforms/fixtures/bare.ts" : "src/cloudflare.ts"),
    "antifreeze/edge": join(root, "src/edge.ts"),
    "antifreeze/mysql2": join(root, "src/platforms/cloudflare/mysql2.ts"),
    "antifreeze/pg": join(root, "src/platforms/cloudflare/pg.ts"),
    "antifreeze/postgres": join(root, "src/platforms/cloudflare/postgres.ts"),
  }
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    keepNames,
    minify,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd"],
    external: ["cloudflare:*", "node:*"],
    alias: {
      ...(built ? {} : sources),
      "mysql2/promise": join(stores, "mysql2/promise.js"),
      pg: join(stores, "pg"),
      postgres: join(stores, "postgres/cf/src/index.js"),
      opentracing: join(root, "node_modules/opentracing"),
    },
    define: { ANTIFREEZE_VERSION: '"0.0.0-test"' },
    plugins: [nodeModules],
    logLevel: "silent",
  })
  return outputFiles[0]?.text as string
}

/** One request over a fresh connection, with everything that its answer says. */
export function raw(
  url: string,
  path: string,
  method = "GET",
): Promise<{ status: number | undefined; headers: string[]; body: string; failed: boolean }> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method, agent: false }, (response) => {
      let body = ""
      const headers = response.rawHeaders.flatMap((each, at) =>
        at % 2 === 0 ? [`${each.toLowerCase()}: ${response.rawHeaders[at + 1]}`] : [],
      )
      const end = (failed: boolean) => resolve({ status: response.statusCode, headers: headers.sort(), body, failed })
      response
        .setEncoding("latin1")
        .on("data", (text) => (body += text))
        .on("end", () => end(false))
        .on("error", () => end(true))
    })
    sent.on("error", reject).end()
  })
}

/** Starts the Worker in the real workerd, with a collector that it delivers to. */
export async function startWorker({
  source,
  flags = ["nodejs_compat"],
  miniflare = {},
  others = [],
  onPrint,
  collector: how,
  bare = false,
  built = false,
}: WorkerOptions): Promise<Worker> {
  const collector = await startCollector(how)
  const contents = await bundle(source, { bare, built })
  const { bindings = {}, ...more } = miniflare as { bindings?: object }
  const main = {
    name: "main",
    modules: [{ type: "ESModule", path: "worker.mjs", contents }],
    compatibilityDate: "2026-07-30",
    compatibilityFlags: flags,
    // Without Miniflare's own Worker in front, which keeps disconnects to itself.
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    bindings: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...bindings },
    ...more,
  }
  const handleRuntimeStdio = (...streams: readonly NodeJS.ReadableStream[]) => {
    for (const stream of streams) stream.setEncoding("utf8").on("data", (text: string) => onPrint?.(text))
  }
  const instance = new Miniflare({
    cf: false,
    host: "127.0.0.1",
    unsafeTriggerHandlers: true,
    ...(onPrint && { handleRuntimeStdio }),
    workers: [main, ...others],
  })
  await instance.ready
  const url = String(await instance.unsafeGetDirectURL("main"))
  const get = (path: string, init?: RequestInit) => fetch(new URL(path, url), { redirect: "manual", ...init })
  return {
    url,
    collector,
    miniflare: instance,
    fetch: get,
    get: async (path, init) => (await get(path, init)).text(),
    async spans(wanted) {
      await collector.waitForSpans(wanted)
      await new Promise((resolve) => setTimeout(resolve, 30))
      return [...collector.spans]
    },
    async dispose() {
      await instance.dispose()
      await collector.close()
    },
  }
}
