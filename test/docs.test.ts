// The code of docs/integrations.md as it stands: each block is a file, and each file with a handler runs on Lambda's own client.
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { openEnvironment } from "../src/environment/environment.ts"
import { FILES } from "../src/integrations/_files.ts"
import { startCollector } from "../src/viewer/collector.ts"
import { install } from "./_installed.ts"
import { startHttp } from "./integrations/_origin.ts"
import { startStore } from "./integrations/stores.mjs"
import { runtimes } from "./runtimes/runtimes.ts"

const root = fileURLToPath(new URL("../", import.meta.url))
const text = readFileSync(join(root, "docs/integrations.md"), "utf8")
const files = [...text.matchAll(/```js\n\/\/ (\S+)\n(.*?)```/gs)]
// Beside the clients, so that they are found from here.
const stores = join(root, "test/integrations/fixtures/stores/node_modules")
const taskRoot = join(dirname(stores), ".cache/docs")
const env: Record<string, string> = { PGHOST: "127.0.0.1", PGUSER: "root", PGDATABASE: "postgres" }
const stops: (() => unknown)[] = []

beforeAll(async () => {
  rmSync(taskRoot, { recursive: true, force: true })
  mkdirSync(taskRoot, { recursive: true })
  install(taskRoot)
  symlinkSync(join(stores, "graphql16"), join(taskRoot, "node_modules/graphql"))
  for (const [, name = "", code = ""] of files) writeFileSync(join(taskRoot, name), code)
  writeFileSync(join(taskRoot, "package.json"), '{ "type": "module" }')
  const postgres = await startStore("postgres")
  const partner = await startHttp()
  stops.push(postgres.stop, partner.close)
  env["PGPORT"] = String(postgres.port)
  env["PARTNER"] = `${partner.url}/status/404`
  execFileSync(process.execPath, ["build.mjs"], { cwd: taskRoot })
})
afterAll(async () => {
  for (const stop of stops) await stop()
})

/** What the handler of a file gives, and the spans below its root: names, and the tags that are asked for. */
async function run(file: string, ...tags: string[]): Promise<unknown[]> {
  const collector = await startCollector()
  onTestFinished(() => collector.close())
  const environment = openEnvironment({
    ...{ runtime: runtimes.ric4, handler: `${file}.handler`, taskRoot, timeoutMs: 20_000 },
    env: { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  })
  const { payload } = await environment.invoke({})
  await environment.close()
  const spans = collector.spans.filter(({ name, parentSpanId }) => parentSpanId !== undefined && name !== "init")
  return [payload.toString(), ...spans.map(({ name, attributes }) => [name, ...tags.map((tag) => attributes[tag])])]
}

describe("docs/integrations.md", () => {
  test.each([
    ["bundle/handler", [], ['[{"answer":42}]', ["select"]]],
    ["with-traced", [], ['[{"answer":42}]', ["select"]]],
    ["graphql-16", ["graphql.operation.name"], ['{"data":{"price":5}}', ["query", "Price"]]],
    ["hooks", ["shop.tenant", "shop.outcome"], ['""', ["GET", "blue", "unknown"]]],
    ["own", ["printer.pages", "printer.result"], ['"printed 3"', ["print", 3, "printed 3"]]],
    ["helpers", ["cart.items"], ["89", ["discount", undefined], ["round the price", undefined], ["price the cart", 2]]],
  ])("%s does what it says", async (file, tags, expected) => {
    expect(await run(file, ...tags)).toEqual(expected)
  })

  test("has no code that is not run here", () => {
    expect(files.map(([, name]) => name)).toEqual([
      "handler.js",
      "build.mjs",
      "with-traced.mjs",
      "graphql-16.mjs",
      "hooks.mjs",
      "own.mjs",
      "helpers.mjs",
    ])
    expect(text.match(/^```\w/gm)).toHaveLength(files.length)
  })

  test("has a row for each library that is patched", () => {
    for (const library of new Set(FILES.map(([, library]) => library)))
      expect(text).toMatch(new RegExp(`^\\|.*\`antifreeze/${library}\``, "m"))
  })
})
