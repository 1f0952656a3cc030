import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { FILES, knownFile } from "../../src/integrations/_files.ts"
import type { AnyIntegration } from "../../src/integrations/_patch.ts"
import { teachers } from "./_older.ts"
import { client as load } from "./_stores.ts"

// These announce themselves: there is nothing to patch.
const ANNOUNCED = /^graphql\/diagnostics\./
// Their `traced` is for any function, and for what AWS's clients send: no file is patched for it.
const OTHERWISE = new Set(["index", "aws"])
// Files of an older version, which is installed under another name.
const installed = (file: string) => file.replace(/^graphql\/execution\//, "graphql16/execution/")

const src = fileURLToPath(new URL("../../src/", import.meta.url))
const dist = fileURLToPath(new URL("../../dist/", import.meta.url))
const folder = fileURLToPath(new URL("./fixtures/stores/node_modules/", import.meta.url))
const older = fileURLToPath(new URL("./fixtures/stores-older/node_modules/", import.meta.url))

describe("the files that the layer and the build plugin know", () => {
  it.each(FILES)("%s is there, is recognised, and has something to patch", async (file, library, handed) => {
    const path =
      library in teachers ? older + (file.includes("built/redis/") ? file.replace("ioredis", "ioredis-4") : file) : folder + installed(file)
    expect(existsSync(path)).toBe(true)
    for (const place of [folder + file, `file://${folder}${file}`, `C:\\app\\node_modules\\${file.replaceAll("/", "\\")}`]) {
      expect(knownFile(place)).toEqual({ library, handed })
    }
    const { traced } = (await import(`../../src/${library}.ts`)) as { traced(target: object): object }
    const loaded = load<{ default?: object }>(path)
    if (handed === "module") {
      const module = { exports: loaded }
      traced(module)
      expect(Object.keys(module.exports)).toEqual(Object.keys(loaded))
      expect(module.exports).not.toBe(loaded)
      return
    }
    const target = /^[A-Z]/.test(handed) ? (loaded.default ?? loaded) : loaded
    const methods = () =>
      owners(target).flatMap((owner) => Object.values(Object.getOwnPropertyDescriptors(owner)).map(({ value }) => value as unknown))
    const before = methods()
    traced(target)
    const integration = teachers[library as keyof typeof teachers] ?? (await integrationOf(library))
    const undo = integration.watch((_: unknown, run: (operation: never) => unknown) => run({} as never) as never)
    const patched = methods().filter((method, at) => method !== before[at]).length
    if (ANNOUNCED.test(file)) expect(patched).toBe(0)
    else expect(patched).toBeGreaterThan(0)
    undo()
    expect(methods()).toEqual(before)
  })

  it("are of every library with an entry, and the layer's two parts patch what they are of", () => {
    const libraries = [...new Set(FILES.map(([, library]) => library))].sort()
    const entries = readdirSync(src).filter(
      (file) => file.endsWith(".ts") && /^export .*\btraced\b/m.test(readFileSync(join(src, file), "utf8")),
    )
    expect(entries.map((file) => file.slice(0, -".ts".length)).filter((entry) => !OTHERWISE.has(entry))).toEqual(libraries)
    const patched = ["layer/nodejs/node_modules/antifreeze/libraries.cjs", "layer-more/nodejs/node_modules/antifreeze/more-libraries.cjs"]
    const { capture: _, ...traced } = Object.assign({}, ...patched.map((file) => load<object>(join(dist, file)))) as Record<string, unknown>
    expect(Object.keys(traced).sort()).toEqual(libraries)
  })

  it("hands over what the library itself holds, or only says that it is there", () => {
    const made = FILES.filter(([file, , handed]) => handed.startsWith("{") && !ANNOUNCED.test(file))
    expect(made).toEqual([])
  })

  it.each(Object.keys(teachers))("%s is left alone since it publishes by itself", async (library) => {
    for (const [file] of FILES.filter(([, of]) => of === library)) {
      if (!existsSync(folder + file)) continue
      const target = load<object>(folder + file)
      const names = owners(target).map((owner) => Object.getOwnPropertyDescriptors(owner))
      const { traced } = (await import(`../../src/${library}.ts`)) as { traced(target: object): object }
      traced(target)
      const undo = teachers[library as keyof typeof teachers].watch(() => undefined as never)
      expect(owners(target).map((owner) => Object.getOwnPropertyDescriptors(owner))).toEqual(names)
      undo()
    }
  })

  it.each(["/app/node_modules/pg/lib/client.json", "/app/pg/lib/client.js", "/app/node_modules/x/pg/lib/client.js", "node:fs"])(
    "%s is none of them",
    (place) => {
      expect(knownFile(place)).toBeUndefined()
    },
  )
})

async function integrationOf(library: string): Promise<AnyIntegration> {
  const module = (await import(`../../src/integrations/${library}.ts`)) as Record<string, AnyIntegration>
  return module[`${library}Integration`] as AnyIntegration
}

/** What a file exports, the prototypes of its classes, and what they inherit from. */
function owners(target: object): object[] {
  const classes = [target, ...Object.values(target)].filter((value): value is { prototype: object } => typeof value === "function")
  return classes
    .flatMap(({ prototype }) => (prototype ? [prototype, Object.getPrototypeOf(prototype) as object | null] : []))
    .concat(target)
    .filter((owner): owner is object => owner !== null && owner !== undefined && owner !== Object.prototype)
}
