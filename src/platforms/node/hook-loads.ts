import type { LoadFnOutput } from "node:module"
import { type FILES, handOver, knownFile } from "../../integrations/_files.ts"

const KEY = Symbol.for("antifreeze.hand-over.v1")

export type Traced = (target: object) => unknown

/**
 * From now on, what the known files of libraries export is handed to `traced` of that library, in CommonJS and in ES modules.
 * `tracedOf` loads it, when the first of its files is loaded; `files` gives other files to know, when one of any library is. Returns undo.
 */
export function hookLoads(tracedOf: (library: string) => Traced | undefined, files?: () => typeof FILES | undefined): () => void {
  const { registerHooks } = process.getBuiltinModule("node:module")
  if (registerHooks === undefined) return () => {}
  const hand = (library: string, target: object) => {
    try {
      tracedOf(library)?.(target)
    } catch {
      // The library is loaded all the same.
    }
  }
  Object.defineProperty(globalThis, KEY, { value: hand, configurable: true })
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context) as LoadFnOutput
      const known = url.includes("/node_modules/") ? knownFile(url, files?.()) : undefined
      if (known === undefined) return loaded
      const { readFileSync } = process.getBuiltinModule("node:fs")
      // `import` of a CommonJS file leaves the source to be read later.
      const source = loaded.source == null ? readFileSync(new URL(url), "utf8") : Buffer.from(loaded.source as Uint8Array).toString()
      return {
        ...loaded,
        source: handOver(
          source,
          url,
          known,
          (handed) => `globalThis[Symbol.for("antifreeze.hand-over.v1")]?.(${JSON.stringify(known.library)}, ${handed})`,
        ),
      }
    },
  })
  return () => {
    hooks.deregister()
    Reflect.deleteProperty(globalThis, KEY)
  }
}
