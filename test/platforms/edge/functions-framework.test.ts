import { spawn } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { expect, test } from "vitest"
import { startCollector } from "../../../src/viewer/collector.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const fixtures = join(root, "test/platforms/fixtures")

const SOURCE = `
import { withTracing } from "antifreeze"
export const hello = withTracing(async (request, response) => {
  if (request.path === "/fail") throw new TypeError("broken on purpose")
  const answer = await fetch(process.env.ORIGIN)
  response.set("x-own", "1").status(201).send(await answer.text())
})`

test("Google's functions framework: the spans are out before the answer ends", async () => {
  const collector = await startCollector()
  const origin = createServer((request, response) => response.end(String(request.headers["traceparent"]))).listen(0, "127.0.0.1")
  await new Promise((resolve) => origin.once("listening", resolve))
  const port = 20_000 + (process.pid % 20_000)
  const folder = join(fixtures, "node_modules/.functions")
  await build({
    stdin: { contents: SOURCE, resolveDir: root, loader: "js" },
    bundle: true,
    outfile: join(folder, "index.mjs"),
    format: "esm",
    platform: "node",
    target: "node22",
    alias: { antifreeze: join(root, "src/web.ts"), opentracing: join(root, "node_modules/opentracing") },
    define: { ANTIFREEZE_VERSION: '"0.0.0-test"' },
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "silent",
  })
  const args = [
    join(fixtures, "node_modules/@google-cloud/functions-framework/build/src/main.js"),
    "--target=hello",
    `--port=${port}`,
    "--host=127.0.0.1",
    `--source=${join(folder, "index.mjs")}`,
  ]
  const env = {
    ...process.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    ORIGIN: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
  }
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "ignore"] })
  try {
    const url = `http://127.0.0.1:${port}`
    for (
      let tries = 0;
      tries < 80 &&
      !(await fetch(url).then(
        () => true,
        () => false,
      ));
      tries++
    )
      await new Promise((resolve) => setTimeout(resolve, 100))
    collector.clear()
    const response = await fetch(`${url}/work?a=1`)
    const traceparent = await response.text()
    expect([response.status, response.headers.get("x-own")]).toEqual([201, "1"])
    // Without waiting: they were there first.
    const [client, server] = ["client", "server"].map((kind) => collector.spans.find((span) => span.kind === kind))
    expect(server).toMatchObject({ name: "GET", attributes: { "url.path": "/work", "http.response.status_code": 201 } })
    expect(client?.parentSpanId).toBe(server?.spanId)
    expect(traceparent).toBe(`00-${client?.traceId}-${client?.spanId}-03`)
    collector.clear()
    expect((await fetch(`${url}/fail`)).status).toBe(500)
    expect(collector.spans[0]?.status).toEqual({ code: "error", message: "broken on purpose" })
  } finally {
    child.kill()
    origin.close()
    await collector.close()
  }
})
