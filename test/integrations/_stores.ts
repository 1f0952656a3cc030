import { createRequire } from "node:module"

const require = createRequire(new URL("./fixtures/stores/package.json", import.meta.url))

/** A client of the set-up (`node test/integrations/install-stores.mjs`). Its types are not installed here: say what is used of it. */
export function client<T>(name: string): T {
  return require(name) as T
}

const requireOlder = createRequire(new URL("./fixtures/stores-older/package.json", import.meta.url))

/** One from before its library published a tracing channel. */
export function olderClient<T>(name: string): T {
  return requireOlder(name) as T
}
