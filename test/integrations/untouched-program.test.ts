import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { build } from "esbuild"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Origin, type Received, startHttp, startHttp2 } from "./_origin.ts"

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

let origins: Origin[]
beforeAll(async () => {
  origins = [await startHttp(), await startHttp2()]
})
afterAll(() => Promise.all(origins.map((origin) => origin.close())))

/** Runs the program, and tells what it saw and what the servers were asked. */
async function run(...flags: string[]) {
  for (const origin of origins) origin.received.length = 0
  const args = [...flags, ...origins.map(({ url }) => url)]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--no-warnings", ...args], { timeout: 20_000 })
  return {
    steps: stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
    asked: origins.map(({ received }) => received.map(ask)),
    stderr,
  }
}

function ask({ method, url, rawHeaders }: Received) {
  const ours = (name: string) => /^(traceparent|tracestate|baggage)$/i.test(name)
  const varies = (name: string) => /^sec-websocket-key$/i.test(name)
  const headers = rawHeaders.filter((_, at) => at % 2 === 0).map((name, at) => (varies(name) ? [name] : [name, rawHeaders[2 * at + 1]]))
  return { method, url, headers: headers.filter(([name]) => !ours(String(name))), traced: rawHeaders.some(ours) }
}

type Run = Awaited<ReturnType<typeof run>>

let without: Run
beforeAll(async () => {
  without = await run(fixture("runtime.mjs"))
  expect(without.asked.flat().some(({ traced }) => traced)).toBe(false)
}, 30_000)

/** Events, values, errors, headers on the wire: all the same, but for ours; and the process ends. */
function expectSame(withUs: Run, untracedRequests = 0) {
  const untraced = (asked: Run["asked"]) => asked.map((each) => each.map(({ traced, ...rest }) => rest))
  expect(withUs.stderr).toBe(without.stderr)
  expect(withUs.steps).toEqual(without.steps)
  expect(untraced(withUs.asked)).toEqual(untraced(without.asked))
  expect(withUs.asked.flat().filter(({ traced }) => !traced)).toHaveLength(untracedRequests)
}

it("behaves the same with us preloaded", async () => {
  expectSame(await run("--import", fixture("watched.ts"), fixture("runtime.mjs")))
}, 30_000)

it("behaves the same with integrations that are loaded with the first call", async () => {
  const withUs = await run("--import", fixture("default.ts"), fixture("runtime.mjs"))
  // Where http2 is loaded after us, its very first stream shows us the class to patch, and goes without our headers.
  expectSame(withUs, 1)
  expect(withUs.asked[1]?.[0]?.traced).toBe(false)
}, 30_000)

it.each(["esm", "cjs"] as const)(
  "behaves the same within one minified file: %s",
  async (format) => {
    const folder = mkdtempSync(join(tmpdir(), "antifreeze-bundle-"))
    const outfile = join(folder, format === "esm" ? "handler.mjs" : "handler.cjs")
    await build({
      entryPoints: [fixture("bundled.ts")],
      outfile,
      format,
      bundle: true,
      minify: true,
      platform: "node",
      target: "node22",
      logLevel: "error",
    })
    const withUs = await run(outfile).finally(() => rmSync(folder, { recursive: true }))
    expectSame(withUs)
  },
  30_000,
)
