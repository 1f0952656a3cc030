/**
 * Functions without packages of their own find ours: `require` by NODE_PATH, as Lambda sets it, but `import` looks for packages
 * beside the function's code only. A synchronous hook costs an import nothing that can be measured; Node's other way is a thread.
 *
 * @param onOpenTracing told the folder of the opentracing that the function has found, before it is loaded.
 */
export function provide(nodeModules: URL, onOpenTracing: (folder: URL) => void): void {
  const { registerHooks } = process.getBuiltinModule("node:module") as Partial<Hooks>
  registerHooks?.({
    resolve(specifier, context, next) {
      if (specifier !== "antifreeze" && specifier !== "opentracing") return next(specifier, context)
      let found: Resolved
      try {
        found = next(specifier, context)
      } catch {
        return { url: new URL(`${specifier}/index.mjs`, nodeModules).href, shortCircuit: true }
      }
      if (specifier === "opentracing") onOpenTracing(new URL(".", found.url))
      return found
    },
  })
}

/** Node 22.15 and later; not in the types of 22.15.0. */
interface Hooks {
  registerHooks(hooks: { resolve(specifier: string, context: unknown, next: Resolve): Resolved }): unknown
}
type Resolve = (specifier: string, context: unknown) => Resolved
interface Resolved {
  readonly url: string
  readonly shortCircuit?: boolean
}
