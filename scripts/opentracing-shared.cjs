// Bundled into the CommonJS build. One process must have one set of opentracing's classes and one global tracer:
// - has the program loaded any of the package before us, we take its modules;
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
const names = Object.keys(load)
const isTheirs = folder !== undefined && names.some((name) => require.cache[`${folder}/${name}.js`] !== undefined)
if (folder !== undefined && !isTheirs) for (const name of names) provide(name)

module.exports = (name) => (isTheirs ? Module.createRequire(__filename)(`${folder}/${name}.js`) : load[name]())

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
