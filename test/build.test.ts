import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"

const scripts = fileURLToPath(new URL("../scripts/", import.meta.url))

test.each(["throw new Error('a mistake')", "Promise.reject(new Error('a mistake'))"])(
  "a build that fails shows its own message, and nothing of what makes the zips: %s",
  (failure) => {
    const program = `await import(${JSON.stringify(`${scripts}build-layer.mjs`)}); ${failure}`
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" })
    expect(status).toBe(1)
    expect(stderr).toContain("Error: a mistake")
    expect(stderr.length).toBeLessThan(1000)
  },
)
