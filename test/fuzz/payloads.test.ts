import { expect, test } from "vitest"
import { maskedText } from "../../src/core/mask.ts"
import { randomFrom } from "./_mutate.ts"
import { payloadFrom, shows } from "./_payloads.ts"

const CASES = Number(process.env["FUZZ_CASES"] ?? 100_000)
const SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31)
const MAX_BYTES = 4_096

test(`a secret never shows, however it is nested, encoded and cut off (FUZZ_SEED=${SEED})`, { timeout: 600_000 }, () => {
  console.log(`FUZZ_SEED=${SEED}, ${CASES} payloads`)
  const random = randomFrom(SEED)
  let redacted = 0
  for (let count = 0; count < CASES; count++) {
    const { value, canary } = payloadFrom(random)
    const before = JSON.stringify(value)
    const masked = maskedText("body", value, { maxBytes: MAX_BYTES }) ?? ""
    if (shows(masked, canary) || Buffer.byteLength(masked) > MAX_BYTES) {
      throw new Error(`FUZZ_SEED=${SEED}, case ${count}: ${before} became ${masked}`)
    }
    expect(JSON.stringify(value) === before).toBe(true)
    if (masked.includes("REDACTED")) redacted++
  }
  // Otherwise it would hold for a masker that shows nothing: most say what is missing, and where.
  expect(redacted).toBeGreaterThan(CASES / 2)
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
})

test("the search finds what it looks for, in text and in base64 at each of its positions", () => {
  const { canary } = payloadFrom(randomFrom(1))
  for (const text of [canary, `x${canary}`, `xy${canary}`, `{"password":"${canary}"}`]) {
    expect([shows(text, canary), shows(Buffer.from(text).toString("base64"), canary)]).toEqual([true, true])
  }
  expect(shows("REDACTED", canary)).toBe(false)
})
