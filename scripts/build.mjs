// Writes dist/: the library as ES modules and as CommonJS, each with its types, and the command line tool.
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { buildEdge, edgeEntries } from "./build-edge.mjs"
import { buildLayer } from "./build-layer.mjs"
import { carryOpenTracing } from "./carry-opentracing.mjs"
import { nodeEntries as entries, writeExports } from "./exports.mjs"
import { splitLater } from "./later.mjs"
import { minifyFolder } from "./minify.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { version, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const dist = join(root, "dist")
const src = (name) => join(root, "src", name)

const common = {
  bundle: true,
  platform: "node",
  target: "node16.14",
  external: Object.keys(dependencies).flatMap((name) => [name, `${name}/*`]),
  define: { ANTIFREEZE_VERSION: JSON.stringify(version) },
  minify: true,
  keepNames: false,
  legalComments: "none",
  sourcemap: false,
}

rmSync(dist, { recursive: true, force: true })
writeExports()
const cjs = join(dist, "cjs")
// A package.json beside the files says which module system they speak.
for (const [folder, type] of [
  ["cjs", "commonjs"],
  ["esm", "module"],
]) {
  mkdirSync(join(dist, folder), { recursive: true })
  writeFileSync(join(dist, folder, "package.json"), `${JSON.stringify({ type })}\n`)
}
const later = await splitLater({ folder: "later", options: common })
const inside = await splitLater({ options: common })
const [esm] = await Promise.all([
  build({
    ...common,
    entryPoints: entries.map((name) => src(`${name}.ts`)),
    format: "esm",
    splitting: true,
    chunkNames: "chunks/[hash]",
    outdir: join(dist, "esm"),
    metafile: true,
    plugins: inside.plugins,
  }),
  build({
    ...common,
    entryPoints: entries.map((name) => src(`${name}.ts`)),
    format: "cjs",
    outdir: cjs,
    external: ["esbuild"],
    plugins: [carryOpenTracing, ...later.plugins],
  }),
  build({
    ...common,
    entryPoints: [src("cli/main.ts")],
    format: "esm",
    target: "node20",
    // What main.ts loads, once it knows that this Node can, is a file of its own.
    splitting: true,
    chunkNames: "[name]",
    external: ["@aws-sdk/*", "esbuild"],
    banner: { js: "#!/usr/bin/env node" },
    outdir: join(dist, "cli"),
  }),
])
await buildLayer(version, dist)
await buildEdge(common, src, dist)
await minifyFolder(cjs)
await later.write(cjs)
// Not those of the edge: what is inlined there makes the compressed Worker larger.
await minifyFolder(join(dist, "esm"), { module: true })
const [, index] = Object.entries(esm.metafile.outputs).find(([file]) => file.endsWith("esm/index.js"))
writeNodeEntry(index.exports)
await minifyFolder(join(dist, "cli"), { module: true, program: true })
const bootstrap = join(dist, "cli", "bootstrap")
await build({
  entryPoints: [src("environment/bootstrap/*.mjs")],
  minifyWhitespace: true,
  outdir: bootstrap,
  outExtension: { ".js": ".mjs" },
})
// Frames of the stand-in for AWS's runtime show in the stacks of a function's errors.
await minifyFolder(bootstrap, { module: true, keepNames: true })
writeTypes([...entries, ...edgeEntries])

/**
 * What Node imports: the CommonJS build, by `require`. Node's ESM loader takes 1 to 3 ms longer for opentracing's eight files, and
 * this way `import` and `require` in one process share one copy. Bundlers get the ES modules themselves ("module" condition).
 */
function writeNodeEntry(names) {
  const load = 'createRequire(import.meta.url)("../cjs/index.js")'
  const text = `import { createRequire } from "node:module"\nexport const { ${names.join(", ")} } = ${load}\n`
  writeFileSync(join(dist, "esm", "node.js"), text)
  writeFileSync(join(dist, "esm", "node.d.ts"), declarationsOf("index"))
}

/**
 * What the entries lead to, of all that tsc writes. The declarations are CommonJS's; those of ES modules hand them on: twice the same
 * would be a tenth of the package.
 */
function writeTypes(names) {
  const emitted = join(dist, "types")
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json", "--outDir", emitted], { cwd: root, stdio: "inherit" })
  const wanted = names.map((name) => `${name}.d.ts`)
  for (const file of wanted) {
    const text = readFileSync(join(emitted, file), "utf8")
    mkdirSync(dirname(join(cjs, file)), { recursive: true })
    writeFileSync(join(cjs, file), text.replace(/(from "|import\(")(\.[^"]*)\.ts"/g, '$1$2.js"'))
    for (const [, path] of text.matchAll(/(?:from "|import\(")(\.[^"]*)\.ts"/g)) {
      const next = join(dirname(file), `${path}.d.ts`)
      if (!wanted.includes(next)) wanted.push(next)
    }
  }
  for (const name of names) writeFileSync(join(dist, "esm", `${name}.d.ts`), declarationsOf(name))
  rmSync(emitted, { recursive: true })
}

function declarationsOf(name) {
  return `export * from "../cjs/${name}.js"\n`
}
