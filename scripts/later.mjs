import { writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { compileFunction } from "node:vm"
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
 * Splits a bundle: what every cold start compiles, and the parts above, each loaded when a function of one of its modules is first
 * called. The sources know nothing of it. The modules may export functions only, and share no state with the rest: a part has its own
 * copy of all that it imports.
 *
 * A CommonJS build gets files beside it: pass `extension`, and call `write` for them. An ES module that bundlers take in has no place
 * for files, so the parts are in it as text (decisions/0005).
 *
 * @returns options for esbuild's build of the first part, and `write(outdir)`.
 */
export async function splitLater({ extension, options }) {
  const parts = await Promise.all(Object.entries(LATER).map(([name, modules]) => buildPart(name, modules, options)))
  const fileOf = (name) => `./later-${name}${extension}`
  const forwards = new Map(
    parts.flatMap(({ name, exported }) =>
      [...exported].map(([module, names]) => {
        const part = extension === undefined ? "load(text)" : `require(${JSON.stringify(fileOf(name))})`
        const forward = (fn) => `export const ${fn} = (...args) => ${part}.${fn}(...args)`
        const imports = extension === undefined ? [`import { load } from "later:load"`, `import text from "later:${name}"`] : []
        return [module, [...imports, ...names.map(forward)].join("\n")]
      }),
    ),
  )
  const plugin = {
    name: "later",
    setup({ onResolve, onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => (forwards.has(path) ? { contents: forwards.get(path) } : undefined))
      onResolve({ filter: /^later:/ }, ({ path }) => ({ path: path.slice("later:".length), namespace: "later" }))
      onLoad({ filter: /./, namespace: "later" }, ({ path }) => {
        if (path === "load") return { contents: LOAD }
        return { contents: parts.find(({ name }) => name === path).text, loader: "text" }
      })
    },
  }
  return {
    plugin,
    external: extension === undefined ? [] : parts.map(({ name }) => fileOf(name)),
    write: (outdir) => Promise.all(parts.map(({ name, text }) => writeFile(join(outdir, fileOf(name)), text))),
  }
}

/** V8 reads a text in a twentieth of the time that it takes to compile as much code. */
const LOAD = `
const loaded = new Map()
export function load(text) {
  let module = loaded.get(text)
  if (module === undefined) {
    loaded.set(text, (module = { exports: {} }))
    const { getBuiltinModule } = process
    getBuiltinModule("node:vm").compileFunction(text, ["module", "exports", "require"])(module, module.exports, getBuiltinModule)
  }
  return module.exports
}`

async function buildPart(name, files, options) {
  const modules = files.map((file) => join(src, file))
  const exported = new Map(await Promise.all(modules.map(async (module) => [module, await exportsOf(module, options)])))
  const contents = modules.map((module) => `export * from ${JSON.stringify(module)}`).join("\n")
  const built = await build({ ...options, stdin: { contents, resolveDir: "." }, format: "cjs", write: false, outdir: "out" })
  const [{ text }] = built.outputFiles
  const module = { exports: {} }
  compileFunction(text, ["module", "exports", "require"])(module, module.exports, process.getBuiltinModule)
  for (const [key, value] of Object.entries(module.exports)) {
    if (typeof value !== "function") throw new Error(`${key} is no function: it cannot be loaded later.`)
  }
  return { name, text, exported }
}

async function exportsOf(module, options) {
  const { metafile } = await build({ ...options, entryPoints: [module], format: "esm", write: false, metafile: true, outdir: "out" })
  return Object.values(metafile.outputs)[0].exports
}
