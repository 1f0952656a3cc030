import { createRequire } from "node:module"
import { join } from "node:path"
import { build } from "esbuild"

/**
 * Splits a CommonJS bundle in two: what every cold start loads, and `file` beside it, loaded when a function of one of these modules
 * is first called. The sources know nothing of it. The modules may export functions only, and share no state with the rest:
 * the second file has its own copy of all that they import.
 *
 * @returns the esbuild plugin for the first bundle; call `finish` to write the second.
 */
export async function splitLater({ modules, file, outdir, options }) {
  const names = new Map(await Promise.all(modules.map(async (module) => [module, await exportsOf(module, options)])))
  const plugin = {
    name: "later",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const exported = names.get(path)
        if (exported === undefined) return undefined
        const forward = (name) => `export const ${name} = (...args) => require("./${file}").${name}(...args)`
        return { contents: exported.map(forward).join("\n") }
      })
    },
  }
  async function finish() {
    const contents = modules.map((module) => `export * from ${JSON.stringify(module)}`).join("\n")
    const outfile = join(outdir, file)
    await build({ ...options, stdin: { contents, resolveDir: "." }, format: "cjs", outfile })
    for (const [name, value] of Object.entries(createRequire(import.meta.url)(outfile))) {
      if (typeof value !== "function") throw new Error(`${name} is no function: it cannot be loaded later.`)
    }
  }
  return { plugin, finish, external: [`./${file}`] }
}

async function exportsOf(module, options) {
  const { metafile } = await build({ ...options, entryPoints: [module], format: "esm", write: false, metafile: true, outdir: "out" })
  return Object.values(metafile.outputs)[0].exports
}
