// Writes dist/: the library as ES modules and as CommonJS, each with its types, and the command line tool.
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { buildEdge } from "./build-edge.mjs"
import { buildLayer } from "./build-layer.mjs"
import { carryOpenTracing } from "./carry-opentracing.mjs"
import { splitLater } from "./later.mjs"

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
const cjs = join(dist, "cjs")
// A package.json beside the files says which module system they speak.
for (const [folder, type] of [
  ["cjs", "commonjs"],
  ["esm", "module"],
]) {
  mkdirSync(join(dist, folder), { recursive: true })
  writeFileSync(join(dist, folder, "package.json"), `${JSON.stringify({ type })}\n`)
}
const later = await splitLater({ extension: ".js", outdir: cjs, options: common })
const [esm] = await Promise.all([
  build({ ...common, entryPoints: [src("index.ts")], format: "esm", outdir: join(dist, "esm"), metafile: true }),
  build({
    ...common,
    entryPoints: [src("index.ts")],
    format: "cjs",
    outdir: cjs,
    external: later.external,
    plugins: [carryOpenTracing, later.plugin],
  }),
  build({
    ...common,
    entryPoints: [src("cli/main.ts")],
    format: "esm",
    minify: false,
    target: "node22",
    external: ["@aws-sdk/*", "esbuild"],
    banner: { js: "#!/usr/bin/env node" },
    outfile: join(dist, "cli", "main.js"),
  }),
])
await buildLayer(version, dist)
await buildEdge(common, src, dist)
await later.finish()
writeNodeEntry(Object.values(esm.metafile.outputs)[0].exports)
cpSync(src("environment/bootstrap"), join(dist, "cli", "bootstrap"), { recursive: true })
writeTypes("esm")
writeTypes("cjs")
writeTypes("edge")

/**
 * What Node imports: the CommonJS build, by `require`. Node's ESM loader takes 1 to 3 ms longer for opentracing's eight files, and
 * this way `import` and `require` in one process share one copy. Bundlers get the ES modules themselves ("module" condition).
 */
function writeNodeEntry(names) {
  const load = 'createRequire(import.meta.url)("../cjs/index.js")'
  const text = `import { createRequire } from "node:module"\nexport const { ${names.join(", ")} } = ${load}\n`
  writeFileSync(join(dist, "esm", "node.js"), text)
}

/** The same declarations twice, for either module system. */
function writeTypes(folder) {
  const out = join(dist, folder)
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json", "--outDir", out], { cwd: root, stdio: "inherit" })
  for (const file of readdirSync(out, { recursive: true })) {
    if (!file.endsWith(".d.ts")) continue
    const text = readFileSync(join(out, file), "utf8")
    writeFileSync(join(out, file), text.replace(/(from "|import\(")(\.[^"]*)\.ts"/g, '$1$2.js"'))
  }
}
