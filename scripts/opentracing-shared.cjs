// Bundled into the CommonJS build. One process must have one set of opentracing's classes and one global tracer:
// - has the program loaded the package before us, we take its modules;
// - otherwise ours become the package's, in Node's cache of modules, where the program's `require` or `import` finds them;
// - where the package cannot be found, as in a container image without node_modules, ours are the only ones.
const Module = require("node:module")
const { dirname, join } = require("node:path")

const load = {
  constants: () => require("opentracing/lib/constants.js"),
  functions: () => require("opentracing/lib/functions.js"),
  global_tracer: () => require("opentracing/lib/global_tracer.js"),
  noop: () => require("opentracing/lib/noop.js"),
  reference: () => require("opentracing/lib/reference.js"),
  span: () => require("opentracing/lib/span.js"),
  span_context: () => require("opentracing/lib/span_context.js"),
  tracer: () => require("opentracing/lib/tracer.js"),
}
const nodeRequire = Module.createRequire(__filename)
const folder = find()
const isLoaded = folder !== undefined && nodeRequire.cache[join(folder, "span.js")] !== undefined
if (folder !== undefined && !isLoaded) for (const name of Object.keys(load)) provide(name)

module.exports = (name) => (isLoaded ? nodeRequire(join(folder, `${name}.js`)) : load[name]())

function find() {
  try {
    return dirname(nodeRequire.resolve("opentracing/lib/span.js"))
  } catch {
    return undefined
  }
}

function provide(name) {
  const file = join(folder, `${name}.js`)
  const module = new Module(file)
  module.filename = file
  module.exports = load[name]()
  module.loaded = true
  nodeRequire.cache[file] = module
}
