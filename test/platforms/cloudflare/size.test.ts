import { gzipSync } from "node:zlib"
import { expect, test } from "vitest"
import { bundle } from "./_worker.ts"

/** gzip bytes of a two-line Worker. */
test.each([
  ["antifreeze/edge", 8_000],
  ["antifreeze", 20_000],
])("a two-line Worker with %s is under %d bytes", async (entry, most) => {
  const code = await bundle(`import { withTracing } from "${entry}"; export default withTracing({ fetch: () => new Response("ok") })`, {
    minify: true,
    keepNames: false,
  })
  const { length } = gzipSync(code, { level: 9 })
  console.log(`${entry}: ${length} bytes, gzip`)
  expect(length).toBeLessThan(most)
})
