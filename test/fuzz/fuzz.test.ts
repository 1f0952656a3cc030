import { describe, expect, test } from "vitest"
import { mutate, randomFrom } from "./_mutate.ts"
import { corpus, HEADERS, parsers, through } from "./_parsers.ts"

const CASES = Number(process.env["FUZZ_CASES"] ?? 100_000)
const SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31)
const HANG_MS = 5

describe(`every parser survives what others write (FUZZ_SEED=${SEED})`, () => {
  console.log(`FUZZ_SEED=${SEED}, ${CASES} cases for each of ${parsers.length} parsers`)

  test.each(parsers)("$name", { timeout: 120_000 }, ({ name, samples, read }) => {
    const random = randomFrom(SEED)
    const all = [...samples, ...(corpus[name] ?? [])]
    for (const text of all) check(read, text)
    for (let count = 0; count < CASES; count++) check(read, mutate(all, random))
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
  })
})

function check(read: (text: string) => void, text: string): void {
  const startMs = performance.now()
  try {
    read(text)
  } catch (error) {
    throw new Error(`FUZZ_SEED=${SEED} ${shown(text)}: ${String(error).slice(0, 300)}`)
  }
  if (performance.now() - startMs < HANG_MS) return
  // Somebody else may have had the processor: what is slow by itself is slow each time.
  const again = best(() => read(text))
  if (again >= HANG_MS) throw new Error(`FUZZ_SEED=${SEED} took ${again} ms: ${shown(text)}`)
}

function shown(text: string): string {
  return text.length > 2_000 ? `${JSON.stringify(text.slice(0, 2_000))}…` : JSON.stringify(text)
}

function best(run: () => void): number {
  let bestMs = Number.POSITIVE_INFINITY
  // A machine that is busy elsewhere may take any single run for itself.
  for (let count = 0; count < 50 && bestMs >= HANG_MS; count++) {
    const startMs = performance.now()
    run()
    bestMs = Math.min(bestMs, performance.now() - startMs)
  }
  return bestMs
}

const MEGABYTE = 1_000_000
const units = [
  "a",
  "0",
  ",",
  ";",
  "=",
  ":",
  "-",
  "%",
  "%20",
  " ",
  "\t",
  "\0",
  '"',
  "a=b,",
  "a=b;",
  "a;",
  "Root=",
  "Root=1-",
  "=,",
  " ,",
  ", ",
  "0-",
  "é",
  "\u{1f600}",
]
const huge = units.flatMap((unit) => {
  const text = unit.repeat(Math.floor(MEGABYTE / unit.length))
  return [text, `${text}x`, `k=${text}`, `00-${text}`]
})

describe("a header of a megabyte costs less than 5 ms", () => {
  test.each(parsers.filter(({ header }) => header))("$name", ({ read }) => {
    const slow = huge.map((text) => ({ text: text.slice(0, 12), ms: best(() => read(text)) })).filter(({ ms }) => ms >= HANG_MS)
    expect(slow).toEqual([])
  })

  test("all of them at once", () => {
    const slow = huge
      .map((text) => ({ text: text.slice(0, 12), ms: best(() => through(Object.fromEntries(HEADERS.map((name) => [name, text])))) }))
      .filter(({ ms }) => ms >= 2 * HANG_MS)
    expect(slow).toEqual([])
  })
})
