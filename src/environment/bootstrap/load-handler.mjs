// Finds the user's handler as AWS's two generations of runtime do.
const fs = process.getBuiltinModule("node:fs")
const path = process.getBuiltinModule("node:path")
const require = process.getBuiltinModule("node:module").createRequire(import.meta.url)

/** Generation 3: `require` wherever it works, `import` for ES modules only. */
export async function loadHandler3(root, name, errors) {
  const place = placeOf(name, errors)
  const module = await translated(errors, () => requireFirst(root, place))
  return checked(
    name,
    walk(module, place.exported, () => true),
    errors,
  )
}

/** Generation 4: `import` for everything, and the default export is searched too. */
export async function loadHandler4(root, name, errors) {
  const place = placeOf(name, errors)
  const module = await translated(errors, () => importFirst(root, place))
  const isObject = (value) => typeof value === "object"
  const found = walk(module, place.exported, isObject) || ("default" in module && walk(module.default, place.exported, isObject))
  return checked(name, found, errors)
}

/** `folder/file.export.path` in its parts. */
function placeOf(name, errors) {
  if (name.includes(".."))
    throw new errors.MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    )
  const last = path.basename(name)
  const dot = last.indexOf(".")
  if (dot < 0) throw new errors.MalformedHandlerName("Bad handler")
  return { folder: name.slice(0, name.indexOf(last)), file: last.slice(0, dot), exported: last.slice(dot + 1) }
}

async function requireFirst(root, { folder, file }) {
  const base = path.resolve(root, folder, file)
  if (fs.existsSync(base)) {
    const plain = require(base)
    if (plain) return plain
  }
  const isModule = fs.existsSync(`${base}.js`) && inModulePackage(path.dirname(base))
  if (fs.existsSync(`${base}.js`)) {
    const loaded = isModule ? await import(`${base}.js`) : require(`${base}.js`)
    if (loaded) return loaded
  }
  if (fs.existsSync(`${base}.mjs`)) return import(`${base}.mjs`)
  if (fs.existsSync(`${base}.cjs`)) return require(`${base}.cjs`)
  return require(require.resolve(file, { paths: [root, folder] }))
}

async function importFirst(root, { folder, file }) {
  const base = path.resolve(root, folder, file)
  for (const extension of ["", ".js", ".mjs", ".cjs"]) {
    if (fs.existsSync(base + extension)) return import(base + extension)
  }
  return require(require.resolve(file, { paths: [root, path.join(root, folder)] }))
}

/** Whether the nearest package.json says `"type": "module"`. */
function inModulePackage(folder) {
  for (let at = folder; !at.endsWith("/node_modules"); at = path.dirname(at)) {
    const file = path.join(at, "package.json")
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, "utf8"))?.type === "module"
      } catch (error) {
        console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error)
        return false
      }
    }
    if (at === "/") return false
  }
  return false
}

async function translated(errors, load) {
  try {
    return await load()
  } catch (error) {
    if (error instanceof SyntaxError) {
      const translation = new errors.UserCodeSyntaxError(error)
      if (Object.hasOwn(translation, "name")) translation.stack = error.stack
      throw translation
    }
    if (error?.code === "MODULE_NOT_FOUND") throw new errors.ImportModuleError(error)
    throw error
  }
}

function walk(module, exported, passable) {
  return exported.split(".").reduce((value, key) => (value && passable(value) ? value[key] : undefined), module)
}

function checked(name, handler, errors) {
  if (!handler) throw new errors.HandlerNotFound(`${name} is undefined or not exported`)
  if (typeof handler !== "function") throw new errors.HandlerNotFound(`${name} is not a function`)
  return handler
}
