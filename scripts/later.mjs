import { mkdir, writeFile } from "node:fs/promises"
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
    "core/causes.ts",
    "core/record.ts",
    "core/redact.ts",
    "core/span-maker.ts",
    "platforms/lambda/rehearse.ts",
    "platforms/lambda/trace-invocation.ts",
    "platforms/lambda/trigger.ts",
    "platforms/node/integrations.ts",
    "platforms/node/tracer-setup.ts",
    "triggers/http.ts",
  ],
  http: ["platforms/node/http-clients.ts"],
  stores: ["platforms/node/stores.ts"],
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
  "integrations/_channel.ts",
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
 * Where the parts are kept (decisions/0005):
 * - `folder`: each is a CommonJS file in this folder beside the output, which bundlers can follow;
 * - `file`: all are text in this one file beside the output, of which only the part that is wanted is read;
 * - neither: constants of text in the output itself, for an ES module, which bundlers take in and which has no place for files.
 *
 * @param more parts of this build alone, as in `LATER`.
 * @returns `plugins` for esbuild's build of the first part, and `write(outdir)`, for the last step: the parts are minified already.
 */
export async function splitLater({ folder, file, more = {}, options }) {
  const exported = new Map()
  const modules = Object.entries({ ...LATER, ...more })
  for (const [part, files] of modules) {
    for (const file of files) exported.set(join(src, file), { part, names: await exportsOf(join(src, file), options) })
  }
  const parts = new Map()
  let start = 0
  for (const [part, files] of modules) {
    const built = await buildPart(part, files, exported, options)
    parts.set(part, { ...built, start })
    start += built.text.length
  }
  const home = folder ? inFolder(folder) : file ? inFile(file) : inConstants
  const loading = {
    name: "later-loading",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /./ }, ({ path, namespace }) =>
        namespace === "later" && path.startsWith(`./${folder}/`) ? { path, external: true } : undefined,
      )
      onLoad({ filter: /^\w+$/, namespace: "later" }, ({ path }) => ({ contents: loaderOf(path, parts.get(path), home), resolveDir: src }))
      onLoad({ filter: /^text:/, namespace: "later" }, ({ path }) => ({ contents: parts.get(path.slice(5)).text, loader: "text" }))
      onLoad({ filter: /^run:/, namespace: "later" }, () => ({ contents: home.run }))
    },
  }
  return {
    plugins: [forwarding(exported), loading],
    async write(outdir) {
      if (file) await writeFile(join(outdir, file), [...parts.values()].map(({ text }) => text).join(""))
      if (!folder) return
      await mkdir(join(outdir, folder))
      for (const [part, { text }] of parts) await writeFile(join(outdir, folder, `${part}.js`), asFunction(text))
    },
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

/** A part gives what it exports at its end: esbuild's own way to export is half a kilobyte of getters in each. */
async function buildPart(part, files, exported, options) {
  const modules = files.map((file) => join(src, file))
  const names = modules.flatMap((module) => exported.get(module).names)
  const imports = modules.map((module) => `import { ${exported.get(module).names.join(", ")} } from ${JSON.stringify(module)}`)
  const contents = `"use strict"\n${imports.join("\n")}\ngive({ ${names.join(", ")} })`
  const plugins = [forwarding(exported, part)]
  const stdin = { contents, resolveDir: src }
  const built = await build({ ...options, stdin, plugins, format: "cjs", write: false, outdir: "out", metafile: true })
  const [{ text }] = built.outputFiles
  const [output] = Object.values(built.metafile.outputs)
  const needs = [...new Set(output.imports.map(({ path }) => path))].filter((path) => /^(?:later:|first:|opentracing\/)/.test(path))
  // A character is a byte: in the file that parts are cut out of, and in V8's memory.
  return { text: await minifyText(text, { ascii: true }), needs }
}

/** A module of the first part: gives the part's exports, and the part what it needs of the rest. */
function loaderOf(part, { needs, ...place }, { given, code, builtin }) {
  const isPart = (path) => path.startsWith("later:")
  const from = (path) => (path.startsWith("first:") ? join(src, path.slice(6)) : path)
  return [
    'import run from "later:run:"',
    ...given(part),
    ...needs.map((path, index) => `import ${isPart(path) ? "" : "* as "}need${index} from ${JSON.stringify(from(path))}`),
    "let exports",
    `export default () => (exports ??= run(${code(part, place)}, (name) => {`,
    ...needs.map((path, index) => `  if (name === "${path}") return need${index}${isPart(path) ? "()" : ""}`),
    `  return ${builtin}(name)`,
    "}))",
  ].join("\n")
}

/** The parentheses tell V8 that it will be called at once: it is compiled in the same go. */
const asFunction = (text) => `module.exports = (function (require, give) {${text}\n})\n`

const RUN = (parameters, part) => `
export default (${parameters}, require) => {
  let exports
  ${part}(require, (given) => (exports = given))
  return exports
}`

/** V8 reads a text in a twentieth of the time that it takes to compile as much code. */
const COMPILED = (text, file) => `require("node:vm").compileFunction(${text}, ["require", "give"], { filename: ${file} })`

const inConstants = {
  given: (part) => [`import text from "later:text:${part}"`],
  code: () => "text",
  run: RUN("text", COMPILED("text", "undefined")),
  builtin: "process.getBuiltinModule",
}

const inFolder = (folder) => ({
  given: () => [],
  code: (part) => `require("./${folder}/${part}.js")`,
  run: RUN("part", "part"),
  builtin: "require",
})

/** Bytes are read and only a part of them becomes a string, which V8's heap has to hold. */
const inFile = (file) => ({
  given: () => [],
  code: (_part, { start, text }) => `[${start}, ${start + text.length}]`,
  run: `let bytes\n${RUN("[start, end]", COMPILED(`(bytes ??= require("node:fs").readFileSync(__dirname + "/${file}")).latin1Slice(start, end)`, "__filename"))}`,
  builtin: "require",
})

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
