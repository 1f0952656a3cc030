import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const src = join(dirname(dirname(fileURLToPath(import.meta.url))), "src")

/** What no cold start needs, by the file that it goes to: the delivery, and the reading of calls that the function may never make. */
const LATER = {
  delivery: ["exporters/otlp.ts", "platforms/node/post.ts", "platforms/node/source-maps.ts"],
  aws: ["integrations/_aws-call.ts", "integrations/_aws-facts.ts", "integrations/_aws-inject.ts"],
  sql: ["integrations/_sql.ts"],
  events: ["triggers/_others.ts"],
  ending: ["platforms/lambda/last-words.ts", "platforms/lambda/deadline.ts", "platforms/lambda/journal.ts", "platforms/node/post-now.ts"],
}

/**
 * Splits a CommonJS bundle: what every cold start loads, and a few files beside it, each loaded when a function of one of its modules
 * is first called. The sources know nothing of it. The modules may export functions only, and share no state with the rest:
 * the files have their own copies of all that they import.
 *
 * @returns options for esbuild's build of the first part; call `finish` to write the others.
 */
export async function splitLater({ extension, outdir, options }) {
  const files = Object.entries(LATER).map(([name, modules]) => ({
    file: `later-${name}${extension}`,
    modules: modules.map((module) => join(src, module)),
  }))
  const forwards = new Map()
  for (const { file, modules } of files) {
    for (const module of modules) {
      const forward = (name) => `export const ${name} = (...args) => require("./${file}").${name}(...args)`
      forwards.set(module, (await exportsOf(module, options)).map(forward).join("\n"))
    }
  }
  const plugin = {
    name: "later",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => (forwards.has(path) ? { contents: forwards.get(path) } : undefined))
    },
  }
  async function finish() {
    for (const { file, modules } of files) {
      const contents = modules.map((module) => `export * from ${JSON.stringify(module)}`).join("\n")
      const outfile = join(outdir, file)
      await build({ ...options, stdin: { contents, resolveDir: "." }, format: "cjs", outfile })
      for (const [name, value] of Object.entries(createRequire(import.meta.url)(outfile))) {
        if (typeof value !== "function") throw new Error(`${name} is no function: it cannot be loaded later.`)
      }
    }
  }
  return { plugin, finish, external: files.map(({ file }) => `./${file}`) }
}

async function exportsOf(module, options) {
  const { metafile } = await build({ ...options, entryPoints: [module], format: "esm", write: false, metafile: true, outdir: "out" })
  return Object.values(metafile.outputs)[0].exports
}
