// The function's handler, found where the runtime would have found it: each generation of the runtime has its own order.
type Found = (...args: never[]) => unknown

/** aws-lambda-ric 3 leaves this behind before it loads the handler; version 4 has nothing of the kind. */
const usesRequire = Symbol.for("aws.lambda.beforeExit") in globalThis

/**
 * Loads `folder/file.export.path` from the task root, with the runtime's own `require`, so that the function sees the same
 * parent module and a missing one is reported in the same words.
 */
export async function loadHandler(name: string, runtimeRequire: () => NodeJS.Require): Promise<Found> {
  const root = process.env["LAMBDA_TASK_ROOT"] ?? process.cwd()
  const { basename, join, resolve } = process.getBuiltinModule("node:path")
  const { existsSync } = process.getBuiltinModule("node:fs")
  const last = basename(name)
  const folder = name.slice(0, name.indexOf(last))
  const [file = ""] = last.split(".", 1)
  const base = resolve(root, folder, file)
  const find = (extension: string) => (existsSync(base + extension) ? base + extension : undefined)
  const exported = last.slice(file.length + 1).split(".")
  const found = usesRequire ? walk(await requireFirst(), exported) : await inEither(importFirst())
  if (!found) throw new HandlerNotFound(`${name} is undefined or not exported`)
  if (typeof found !== "function") throw new HandlerNotFound(`${name} is not a function`)
  return found as Found

  async function requireFirst(): Promise<unknown> {
    const require = runtimeRequire()
    const plain = find("")
    const script = find(".js")
    const asModule = script !== undefined && isInModulePackage(script)
    const loaded =
      (plain && require(plain)) ||
      (script && (asModule ? await import(script) : require(script))) ||
      (find(".mjs") && (await import(`${base}.mjs`))) ||
      (find(".cjs") && require(`${base}.cjs`))
    return loaded || require(require.resolve(file, { paths: [root, folder] }))
  }

  async function importFirst(): Promise<unknown> {
    const path = find("") ?? find(".js") ?? find(".mjs") ?? find(".cjs")
    if (path !== undefined) return import(path)
    const require = runtimeRequire()
    return require(require.resolve(file, { paths: [root, join(root, folder)] }))
  }

  /** The named export, or else the property of the default one. */
  async function inEither(loading: Promise<unknown>): Promise<unknown> {
    const module = (await loading) as { default?: unknown }
    return walk(module, exported, "object") || walk(module?.default, exported, "object")
  }

  function isInModulePackage(path: string): boolean {
    const { readFileSync } = process.getBuiltinModule("node:fs")
    for (let at = resolve(path, ".."); !at.endsWith("/node_modules"); at = resolve(at, "..")) {
      const file = join(at, "package.json")
      if (existsSync(file)) {
        try {
          return (JSON.parse(readFileSync(file, "utf8")) as { type?: unknown } | null)?.type === "module"
        } catch (error) {
          console.warn(`${file} cannot be read, it will be ignored for ES module detection purposes.`, error)
          return false
        }
      }
      if (at === "/") break
    }
    return false
  }
}

/** Whether the runtime will answer with `Runtime.CallbackHandlerDeprecated`, in words of its own. */
export function isRefused(handler: { readonly length: number }): boolean {
  return !usesRequire && handler.length >= 3 && !(Symbol.for("aws.lambda.runtime.handler.streaming") in handler)
}

function walk(from: unknown, path: readonly string[], passable?: "object"): unknown {
  return path.reduce<unknown>(
    (value, key) => (value && (passable === undefined || typeof value === passable) ? (value as Record<string, unknown>)[key] : undefined),
    from,
  )
}

/** The runtime's own words and its kind of error: it would name our handler in them. */
class HandlerNotFound extends Error {
  constructor(message: string) {
    super(message)
    if (!usesRequire) this.name = errorName
  }
}
const errorName = "Runtime.HandlerNotFound"
if (usesRequire) HandlerNotFound.prototype.name = errorName
