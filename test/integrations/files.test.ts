import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { FILES, knownFile } from "../../src/integrations/_files.ts"
import type { AnyIntegration } from "../../src/integrations/_patch.ts"
import { client as load } from "./_stores.ts"

// These announce themselves: there is nothing to patch.
const ANNOUNCED = /^graphql\/diagnostics\./
// Files of an older version, which is installed under another name.
const installed = (file: string) => file.replace(/^graphql\/execution\//, "graphql16/execution/")

const folder = fileURLToPath(new URL("./fixtures/stores/node_modules/", import.meta.url))

describe("the files that the layer and the build plugin know", () => {
  it.each(FILES)("%s is there, is recognised, and has something to patch", async (file, library, handed) => {
    expect(existsSync(folder + installed(file))).toBe(true)
    for (const place of [folder + file, `file://${folder}${file}`, `C:\\app\\node_modules\\${file.replaceAll("/", "\\")}`]) {
      expect(knownFile(place)).toEqual({ library, handed })
    }
    const { [`${library}Integration`]: integration } = (await import(`../../src/integrations/${library}.ts`)) as Record<
      string,
      AnyIntegration
    >
    const { traced } = (await import(`../../src/${library}.ts`)) as { traced(target: object): object }
    const target = load<object>(folder + installed(file))
    const methods = () =>
      owners(target).flatMap((owner) => Object.values(Object.getOwnPropertyDescriptors(owner)).map(({ value }) => value as unknown))
    const before = methods()
    traced(target)
    const undo = integration?.watch((_, run) => run({} as never))
    const patched = methods().filter((method, at) => method !== before[at]).length
    if (ANNOUNCED.test(file)) expect(patched).toBe(0)
    else expect(patched).toBeGreaterThan(0)
    undo?.()
    expect(methods()).toEqual(before)
  })

  it.each(["/app/node_modules/pg/lib/client.json", "/app/pg/lib/client.js", "/app/node_modules/x/pg/lib/client.js", "node:fs"])(
    "%s is none of them",
    (place) => {
      expect(knownFile(place)).toBeUndefined()
    },
  )
})

/** What a file exports, the prototypes of its classes, and what they inherit from. */
function owners(target: object): object[] {
  const classes = [target, ...Object.values(target)].filter((value): value is { prototype: object } => typeof value === "function")
  return classes
    .flatMap(({ prototype }) => (prototype ? [prototype, Object.getPrototypeOf(prototype) as object | null] : []))
    .concat(target)
    .filter((owner): owner is object => owner !== null && owner !== undefined && owner !== Object.prototype)
}
