import { readFile } from "node:fs/promises"
import { dirname } from "node:path"
import type { Plugin } from "esbuild"
import { handOver, KNOWN_FILE, knownFile } from "../../integrations/_files.ts"

/**
 * The esbuild plugin: what is bundled is traced, as it is in the layer. For libraries with a tracing channel of their own it is
 * not needed.
 *
 * @example
 * await build({ entryPoints: ["handler.js"], bundle: true, plugins: [antifreeze()] })
 */
export function antifreeze(): Plugin {
  return {
    name: "antifreeze",
    setup(build) {
      build.onLoad({ filter: KNOWN_FILE }, async ({ path }) => {
        const known = knownFile(path)
        if (known === undefined) return undefined
        const source = await readFile(path, "utf8")
        const contents = handOver(source, path, known, (handed) => `require("antifreeze/${known.library}").traced(${handed})`)
        return { contents, resolveDir: dirname(path) }
      })

      // pnpm's layout hides us from the library: we are where the function's own code finds us.
      const again = {}
      build.onResolve({ filter: /^antifreeze\// }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (pluginData === again) return undefined
        for (const from of [resolveDir, build.initialOptions.absWorkingDir ?? process.cwd()]) {
          const found = await build.resolve(path, { kind, importer, resolveDir: from, pluginData: again })
          if (found.errors.length === 0) return found
        }
        return undefined
      })
    },
  }
}
