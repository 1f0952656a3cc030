import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { FILES, knownFile } from "../../src/integrations/_files.ts"
import type { AnyIntegration } from "../../src/integrations/_patch.ts"
import { client as load } from "./_stores.ts"

const folder = fileURLToPath(new URL("./fixtures/stores/node_modules/", import.meta.url))

describe("the files that the layer and the build plugin know", () => {
  it.each(FILES)("%s is there, is recognised, and has something to patch", async (file, library, handed) => {
    expect(existsSync(folder + file)).toBe(true)
    for (const place of [folder + file, `file://${folder}${file}`, `C:\\app\\node_modules\\${file.replaceAll("/", "\\")}`]) {
      expect(knownFile(place)).toEqual({ library, handed })
    }
    const { [`${library}Integration`]: integration } = (await import(`../../src/integrations/${library}.ts`)) as Record<
      string,
      AnyIntegration
    >
    const { traced } = (await import(`../../src/${library}.ts`)) as { traced(target: object): object }
    const target = load<object>(folder + file)
    const methods = () =>
      owners(target).flatMap((owner) => Object.values(Object.getOwnPropertyDescriptors(owner)).map(({ value }) => value as unknown))
    const before = methods()
    traced(target)
    const undo = integration?.watch((_, run) => run({} as never))
    expect(methods().filter((method, at) => method !== before[at]).length).toBeGreaterThan(0)
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

/** The prototypes of all classes that a file exports, and what they inherit from. */
function owners(target: object): object[] {
  const classes = [target, ...Object.values(target)].filter((value): value is { prototype: object } => typeof value === "function")
  return classes
    .flatMap(({ prototype }) => [prototype, Object.getPrototypeOf(prototype) as object | null])
    .filter((owner): owner is object => owner !== null && owner !== undefined && owner !== Object.prototype)
}
