import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { root, startWorker, type Worker } from "./_worker.ts"

let worker: Worker
beforeAll(async () => {
  worker = await startWorker({ source: readFileSync(join(root, "test/platforms/fixtures/doubles.js"), "utf8") })
})
afterAll(() => worker?.dispose())
beforeEach(() => worker.collector.clear())

test.each([
  ["Workers AI", "/ai", ["run @cf/meta/llama"], { response: "to secret words", self: true }],
  ["Workers AI, rejected", "/ai-error", ["run bad"], "no such model"],
  ["Vectorize", "/vectorize", ["query INDEX", "upsert INDEX"], [{ count: 3 }, { mutationId: "m" }]],
  ["Images, with its builder", "/images", ["info IMAGES"], [{ format: "png" }, "builder"]],
  ["Pipelines", "/pipeline", ["send PIPE"], 2],
  ["Email sending", "/email", ["send MAIL"], null],
  ["dispatch namespace", "/dispatch", ["GET"], "customer true"],
  ["Browser rendering", "/browser", ["GET"], "browser true"],
])("%s, against a double: untested against the real thing", async (_, path, names, answer) => {
  expect(JSON.parse(await worker.get(path))).toEqual(answer)
  const spans = (await worker.spans(names.length + 1)).filter((span) => span.kind === "client")
  expect(spans.map((span) => span.name)).toEqual(names)
  expect(JSON.stringify(spans)).not.toContain("secret words")
})
