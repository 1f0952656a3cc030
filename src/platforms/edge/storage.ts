import type { ScopeStorage } from "../../core/contracts.ts"

let asyncFound = false

/** Whether the runtime follows a scope beyond the synchronous part of its callback. */
export function isAsync(): boolean {
  return asyncFound
}

type StorageClass = new <T>() => ScopeStorage<T>

/** A name that no bundler resolves, and no minifier writes out: with a static import, a Worker without the flag would not even load. */
const MODULE = ["node", "async_hooks"].join(":")

/**
 * The runtime's AsyncLocalStorage: a global (Vercel), a built-in module (Node, Deno, Bun, workerd with `nodejs_compat`), or a
 * module that has to be imported (workerd with `nodejs_als`), which is there before the first request. Without any, a scope
 * lasts as long as the synchronous part of its callback; beyond that, spans need an explicit parent (`rootSpan`).
 */
export function findStorage<T>(): ScopeStorage<T> {
  let found = make<T>(globalClass())
  if (found === undefined) {
    void import(MODULE).then(
      (module: { AsyncLocalStorage?: StorageClass }) => {
        found = make<T>(module.AsyncLocalStorage)
      },
      () => {},
    )
  }
  let current: T | undefined
  return {
    getStore: () => (found === undefined ? current : (found.getStore() ?? current)),
    run(store, run) {
      if (found !== undefined) return found.run(store, run)
      const before = current
      current = store
      try {
        return run()
      } finally {
        current = before
      }
    },
    enterWith(store) {
      // workerd has no enterWith: what one request has entered would be seen by another, so nothing is entered there.
      try {
        found?.enterWith(store)
      } catch {
        // Not supported.
      }
    },
  }
}

function make<T>(Storage: StorageClass | undefined): ScopeStorage<T> | undefined {
  asyncFound ||= Storage !== undefined
  return Storage && new Storage<T>()
}

function globalClass(): StorageClass | undefined {
  const { AsyncLocalStorage, process } = globalThis as {
    AsyncLocalStorage?: StorageClass
    process?: { getBuiltinModule?: (name: string) => { AsyncLocalStorage?: StorageClass } | undefined }
  }
  return AsyncLocalStorage ?? process?.getBuiltinModule?.(MODULE)?.AsyncLocalStorage
}
