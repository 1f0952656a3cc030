// The handler that the runtime loads in place of the function's own: loads that one, and traces it.
import type * as Library from "./library.ts"
import { isRefused, loadHandler } from "./load-handler.ts"
import { hideFrames, runtimeFrames } from "./runtime-frames.ts"

const name = takeName()
const whereFrom = runtimeFrames(import.meta.url)
const { createRequire } = process.getBuiltinModule("node:module")
const { fileURLToPath } = process.getBuiltinModule("node:url")
const library = loadLibrary()

export const handler: unknown = await load()

/** The function sees the `_HANDLER` that its owner has set, and where aws-lambda-ric has it as an argument, that too. */
function takeName(): string {
  const { env, argv } = process
  const name = env["_ANTIFREEZE_HANDLER"] ?? env["ANTIFREEZE_HANDLER"]
  delete env["_ANTIFREEZE_HANDLER"]
  if (name === undefined)
    throw new Error("[antifreeze] the handler is antifreeze's own. Set ANTIFREEZE_HANDLER to the function's, such as index.handler.")
  env["_HANDLER"] = name
  const at = argv.findIndex((argument) => argument.endsWith("/antifreeze/handler.handler"))
  if (at > 0) argv[at] = name
  return name
}

function loadLibrary(): typeof Library | undefined {
  try {
    const library = createRequire(import.meta.url)("./index.cjs") as typeof Library
    library.begin()
    return library
  } catch (error) {
    console.warn(`[antifreeze] the function runs untraced: ${error}.`)
    return undefined
  }
}

async function load(): Promise<unknown> {
  try {
    const found = await loadHandler(name, () => createRequire(runtimeFile()))
    if (library === undefined) return found
    const traced = library.traceLoaded(found, fileURLToPath(new URL(".", import.meta.url)))
    if (isRefused(traced)) await library.reportInitError(new Error("The handler has a third parameter: this runtime has no callbacks."))
    return traced
  } catch (error) {
    await library?.reportInitError(error)
    hideFrames(error, import.meta.url, whereFrom())
    throw error
  }
}

/** Lambda starts its own runtime as this; a container image may start any. */
function runtimeFile(): string {
  const [, started] = process.argv
  return started?.startsWith("/var/runtime/") ? started : (whereFrom().file ?? started ?? import.meta.url)
}
