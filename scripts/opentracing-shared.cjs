// Bundled into the CommonJS build. One process must have one set of opentracing's classes and one global tracer:
// - has the program loaded the package before us, we take its modules;
// - otherwise ours become the package's, in Node's cache of modules, where the program's `require` or `import` finds them;
// - where the package cannot be found, as in a container image without node_modules, ours are the only ones.
const { realpathSync } = require("node:fs")
const Module = require("node:module")

/** Those with an identity or a state. */
const load = {
  global_tracer: () => require("opentracing/lib/global_tracer.js"),
  noop: () => require("opentracing/lib/noop.js"),
  span: () => require("opentracing/lib/span.js"),
  span_context: () => require("opentracing/lib/span_context.js"),
  tracer: () => require("opentracing/lib/tracer.js"),
}
const folder = find(`${__dirname}/../../node_modules`) ?? find(`${__dirname}/../../..`) ?? resolve()
const isLoaded = folder !== undefined && require.cache[`${folder}/span.js`] !== undefined
if (folder !== undefined && !isLoaded) for (const name of Object.keys(load)) provide(name)

module.exports = (name) => (isLoaded ? require.cache[`${folder}/${name}.js`].exports : load[name]())

/** Where package managers put it: within this package or beside it. To ask Node costs a start ten times as long. */
function find(modules) {
  try {
    return realpathSync.native(`${modules}/opentracing/lib`)
  } catch {
    return undefined
  }
}

function resolve() {
  try {
    return Module.createRequire(__filename).resolve("opentracing/lib/span.js").slice(0, -"/span.js".length)
  } catch {
    return undefined
  }
}

function provide(name) {
  const file = `${folder}/${name}.js`
  const module = new Module(file)
  module.filename = file
  module.exports = load[name]()
  module.loaded = true
  require.cache[file] = module
}
