// Writes dist/layer/, which Lambda mounts as /opt, and dist/layer.zip, the same bytes for the same sources; and what the layer leaves
// out for its size as dist/layer-more/ and dist/layer-more.zip.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { splitLater } from "./later.mjs"
import { minifyFolder } from "./minify.mjs"
import { writeZip } from "./zip.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** What only the layer's own files take from the library. */
const PRIVATE = new Set(["begin", "joinAsServer", "opentracing", "processState", "reportInitError", "traceLoaded", "watchEvent"])

export async function buildLayer(version, dist = join(root, "dist")) {
  const layer = join(dist, "layer")
  const modules = join(layer, "nodejs/node_modules")
  const own = join(modules, "antifreeze")
  const more = join(dist, "layer-more")
  mkdirSync(own, { recursive: true })
  const wrapper = readFileSync(join(root, "layer/antifreeze"), "utf8")
  // Without its comments: they are a hundredth of the layer.
  writeFileSync(join(layer, "antifreeze"), wrapper.replaceAll(/^ *# .*\n/gm, ""))
  chmodSync(join(layer, "antifreeze"), 0o755)

  const common = {
    bundle: true,
    platform: "node",
    target: "node22",
    define: { ANTIFREEZE_VERSION: JSON.stringify(version) },
    minify: true,
    legalComments: "none",
    absWorkingDir: root,
  }
  const from = (name) => [join(root, "layer", name)]
  const adapter = ["../layer/passing-event.ts"]
  const later = await splitLater({ file: "later", more: { adapter }, options: { ...common, external: ["opentracing/*"] } })
  const first = { plugins: [ownFiles, ...later.plugins] }
  const opentracing = join(modules, "opentracing")
  const shared = insteadOf(/\/opentracing\/lib\/(global_tracer|noop|span|span_context|tracer)\.js$/, ([, name]) => ({
    path: name,
    namespace: "shared",
  }))
  await Promise.all([
    build({
      ...common,
      entryPoints: from("library.ts"),
      format: "cjs",
      outfile: join(own, "index.cjs"),
      ...first,
    }),
    build({ ...common, entryPoints: from("handler.ts"), format: "esm", outfile: join(own, "handler.mjs") }),
    build({ ...common, ...first, entryPoints: from("libraries.ts"), format: "cjs", outfile: join(own, "libraries.cjs") }),
    ...[
      ["more", { entryPoints: from("more.ts") }],
      ["more-libraries", { stdin: { contents: moreLibraries(), resolveDir: root } }],
    ].map(([name, entry]) =>
      build({
        ...common,
        ...entry,
        plugins: later.plugins,
        format: "cjs",
        outfile: join(more, "nodejs/node_modules/antifreeze", `${name}.cjs`),
      }),
    ),
    build({ ...common, entryPoints: from("preload.ts"), format: "cjs", outfile: join(own, "preload.cjs") }),
    build({
      ...common,
      entryPoints: [join(root, "node_modules/opentracing/lib/index.js")],
      format: "cjs",
      outfile: join(opentracing, "index.cjs"),
      plugins: [shared],
    }),
  ])
  await later.write(own)
  const require = createRequire(import.meta.url)
  const all = Object.entries(require(join(own, "index.cjs")))
  const names = Object.fromEntries(all.filter(([name]) => !PRIVATE.has(name)))
  write(own, "package.json", packageJson("antifreeze", version))
  write(own, "index.mjs", reexport(names))
  write(opentracing, "package.json", packageJson("opentracing", require("opentracing/package.json").version))
  write(opentracing, "index.mjs", reexport(require(join(opentracing, "index.cjs"))))
  for (const folder of [layer, more]) {
    await minifyFolder(folder)
    await writeZip(folder, `${folder}.zip`)
  }
}

/** What the layer itself patches. */
const libraries = [...readFileSync(join(root, "layer/libraries.ts"), "utf8").matchAll(/traced as (\w+)/g)].map(([, name]) => name)
const files = readFileSync(join(root, "src/integrations/_files.ts"), "utf8")
const FILE = /^ {2}\["[^"]+", "([^"]+)", .*\],\n/gm

/** The layer need not know the files of the other libraries. */
const ownFiles = {
  name: "own files",
  setup({ onLoad }) {
    onLoad({ filter: /integrations\/_files\.ts$/ }, () => ({
      contents: files.replace(FILE, (all, library) => (libraries.includes(library) ? all : "")),
      loader: "ts",
    }))
  },
}

/** What `layer/more.ts` loads when it is needed: whatever has a file to be patched, and is not in the layer itself. */
function moreLibraries() {
  const others = new Set([...files.matchAll(FILE)].flatMap(([, library]) => (libraries.includes(library) ? [] : [library])))
  const lines = [...others].map((library) => `export { traced as ${library} } from "./src/${library}.ts"`)
  return [...lines, 'export { capture } from "./src/capture.ts"'].sort().join("\n")
}

/** Bundles something else where a module would be; `shared` ones come out of the library's bundle. */
function insteadOf(wanted, give) {
  return {
    name: "instead",
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /./ }, async (given) => {
        if (given.pluginData === "asked" || given.kind === "entry-point") return undefined
        const { path, errors } = await resolve(given.path, {
          resolveDir: given.resolveDir,
          importer: given.importer,
          kind: given.kind,
          pluginData: "asked",
        })
        const match = errors.length === 0 && wanted.exec(path)
        return match ? give(match) : undefined
      })
      onResolve({ filter: /^\.\.\/antifreeze\/index\.cjs$/ }, ({ path }) => ({ path, external: true }))
      onLoad({ filter: /./, namespace: "shared" }, ({ path }) => ({
        contents: `module.exports = require("../antifreeze/index.cjs").opentracing[${JSON.stringify(path)}]`,
        resolveDir: root,
      }))
    },
  }
}

function packageJson(name, version) {
  const exports = { ".": { import: "./index.mjs", require: "./index.cjs" }, "./package.json": "./package.json" }
  return `${JSON.stringify({ name, version, exports })}\n`
}

/** Node finds the names of a minified CommonJS file only sometimes. */
function reexport(exported) {
  const names = Object.keys(exported).filter((name) => name !== "default" && name !== "__esModule")
  return `import module from "./index.cjs"\nexport const { ${names.join(", ")} } = module\nexport default module\n`
}

function write(folder, name, text) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), text)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildLayer(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version)
}
