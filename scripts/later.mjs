import { writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { compileFunction } from "node:vm"
import { build } from "esbuild"
import { minifyText } from "./minify.mjs"

const src = join(dirname(dirname(fileURLToPath(import.meta.url))), "src")

/** What Init need not wait for, by part: what every invocation needs, the delivery, and what the function may never do. */
const LATER = {
  invocation: [
    "core/record.ts",
    "core/redact.ts",
    "core/span-maker.ts",
    "platforms/lambda/rehearse.ts",
    "platforms/lambda/trace-invocation.ts",
    "platforms/node/integrations.ts",
    "platforms/node/tracer-setup.ts",
    "triggers/http.ts",
  ],
  delivery: ["exporters/otlp.ts", "platforms/node/post.ts", "platforms/node/proxy.ts", "platforms/node/source-maps.ts"],
  aws: ["integrations/_aws-attempt.ts", "integrations/_aws-call.ts", "integrations/_aws-facts.ts", "integrations/_aws-inject.ts"],
  sql: ["integrations/_sql.ts"],
  events: ["triggers/_others.ts"],
  ending: [
    "platforms/lambda/adaptive.ts",
    "platforms/lambda/deadline.ts",
    "platforms/lambda/journal.ts",
    "platforms/lambda/last-words.ts",
    "platforms/lambda/outbox.ts",
    "platforms/lambda/watchdog.ts",
    "platforms/node/post-now.ts",
  ],
}

/** What Init needs and parts need too: they get the first part's, which is also where all state of the process is. */
const FIRST = [
  "core/errors.ts",
  "core/observe.ts",
  "platforms/lambda/crash.ts",
  "platforms/lambda/ending.ts",
  "platforms/lambda/raw-connection.ts",
  "platforms/node/endpoint.ts",
  "platforms/node/process-state.ts",
]

/**
 * Splits a bundle: what Init compiles, and the parts above, each loaded when a function of one of its modules is first called. The
 * sources know nothing of it. The modules of a part may export functions only. What is in no list is copied into each part that
 * imports it, and must not have state.
 *
 * The parts are text (decisions/0005): of a CommonJS build in a file beside it, so pass its name as `file`, and call `write` for it; of
 * an ES module, which bundlers take in and which has no place for files, in constants.
 *
 * @returns `plugins` and `external` for esbuild's build of the first part, and `write(outdir)`.
 */
export async function splitLater({ file, options }) {
  const exported = new Map()
  for (const [part, files] of Object.entries(LATER)) {
    for (const file of files) exported.set(join(src, file), { part, names: await exportsOf(join(src, file), options) })
  }
  const parts = new Map()
  for (const part of Object.keys(LATER)) parts.set(part, await buildPart(part, exported, options))
  const loading = {
    name: "later-loading",
    setup({ onLoad }) {
      onLoad({ filter: /^\w+$/, namespace: "later" }, ({ path }) => ({
        contents: path === "compile" ? COMPILE : loaderOf(path, parts.get(path), file),
        resolveDir: src,
      }))
      onLoad({ filter: /^text:/, namespace: "later" }, ({ path }) => ({ contents: parts.get(path.slice(5)).text, loader: "text" }))
    },
  }
  return {
    plugins: [forwarding(exported), loading],
    external: file === undefined ? [] : [`./${file}`],
    write: (outdir) => writeFile(join(outdir, file), textsOf(parts)),
  }
}

/** Puts forwards in the place of modules that are in another part than `own`. */
function forwarding(exported, own) {
  const first = new Set(own === undefined ? [] : FIRST.map((file) => join(src, file)))
  return {
    name: "later",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^later:/ }, ({ path }) =>
        own === undefined ? { path: path.slice(6), namespace: "later" } : { path, external: true },
      )
      onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
        const file = join(resolveDir, path)
        return first.has(file) ? { path: `first:${relative(src, file)}`, external: true } : undefined
      })
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const { part = own, names } = exported.get(path) ?? {}
        if (part === own) return undefined
        const load = own === undefined ? `import load from "later:${part}"` : `const load = () => require("later:${part}")`
        return { contents: [load, ...names.map((name) => `export const ${name} = (...args) => load().${name}(...args)`)].join("\n") }
      })
    },
  }
}

async function buildPart(part, exported, options) {
  const modules = LATER[part].map((file) => join(src, file))
  const contents = modules.map((module) => `export * from ${JSON.stringify(module)}`).join("\n")
  const plugins = [forwarding(exported, part)]
  const stdin = { contents, resolveDir: src }
  const built = await build({ ...options, stdin, plugins, format: "cjs", write: false, outdir: "out", metafile: true })
  const [{ text }] = built.outputFiles
  const [{ imports }] = Object.values(built.metafile.outputs)
  const needs = [...new Set(imports.map(({ path }) => path))].filter((path) => /^(?:later:|first:|opentracing\/)/.test(path))
  return { text: await minifyText(text), needs }
}

/** A module of the first part: gives the part's exports, and the part what it needs of the rest. */
function loaderOf(part, { needs }, file) {
  const isPart = (path) => path.startsWith("later:")
  const from = (path) => (path.startsWith("first:") ? join(src, path.slice(6)) : path)
  return [
    'import compile from "later:compile"',
    ...(file === undefined ? [`import text from "later:text:${part}"`] : []),
    ...needs.map((path, index) => `import ${isPart(path) ? "" : "* as "}need${index} from ${JSON.stringify(from(path))}`),
    "let exports",
    `export default () => (exports ??= compile(${file === undefined ? "text, undefined" : `require("./${file}").${part}, __filename`}, (name) => {`,
    ...needs.map((path, index) => `  if (name === "${path}") return need${index}${isPart(path) ? "()" : ""}`),
    `  return ${file === undefined ? "process.getBuiltinModule" : "require"}(name)`,
    "}))",
  ].join("\n")
}

function textsOf(parts) {
  return `module.exports = {${[...parts].map(([part, { text }]) => `${part}: ${JSON.stringify(text)}`).join(",\n")}}\n`
}

/** V8 reads a text in a twentieth of the time that it takes to compile as much code. */
const COMPILE = `
export default (text, file, require) => {
  const module = { exports: {} }
  const { compileFunction } = require("node:vm")
  compileFunction(text, ["require", "module", "exports"], { filename: file })(require, module, module.exports)
  return module.exports
}`

async function exportsOf(file, options) {
  const { outputFiles } = await build({ ...options, entryPoints: [file], format: "cjs", write: false, outdir: "out" })
  const module = { exports: {} }
  compileFunction(outputFiles[0].text, ["require", "module", "exports"])(createRequire(import.meta.url), module, module.exports)
  const names = Object.keys(module.exports)
  for (const name of names) {
    if (typeof module.exports[name] !== "function") throw new Error(`${file}: ${name} is no function, and cannot be loaded later.`)
  }
  return names
}
