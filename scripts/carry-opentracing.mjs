import { fileURLToPath } from "node:url"

const shared = fileURLToPath(new URL("./opentracing-shared.cjs", import.meta.url))

/**
 * esbuild plugin: bundles the modules of `opentracing` that we extend, and shares them with whoever else loads that package (see
 * opentracing-shared.cjs). Node takes 1.8 ms to load those eight small files one by one, and 0.3 ms in one piece.
 */
export const carryOpenTracing = {
  name: "carry-opentracing",
  setup(build) {
    build.onResolve({ filter: /^opentracing\/lib\/\w+\.js$/ }, ({ path, importer }) => {
      if (importer === shared) return undefined
      return { path: path.slice("opentracing/lib/".length, -".js".length), namespace: "opentracing-shared" }
    })
    build.onLoad({ filter: /./, namespace: "opentracing-shared" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(shared)})(${JSON.stringify(path)})`,
      resolveDir: ".",
    }))
  },
}
