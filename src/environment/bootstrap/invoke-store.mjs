// The store that AWS's SDK and tools read the current invocation from, as globalThis.awslambda.InvokeStore.
export const keys = {
  REQUEST_ID: Symbol.for("_AWS_LAMBDA_REQUEST_ID"),
  X_RAY_TRACE_ID: Symbol.for("_AWS_LAMBDA_X_RAY_TRACE_ID"),
  TENANT_ID: Symbol.for("_AWS_LAMBDA_TENANT_ID"),
}

class InvokeStore {
  static PROTECTED_KEYS = keys
  #scope

  constructor(scope) {
    this.#scope = scope
  }
  run(context, work) {
    return this.#scope.run(context, work)
  }
  getContext() {
    return this.#scope.current()
  }
  hasContext() {
    return this.getContext() !== undefined
  }
  get(key) {
    return this.getContext()?.[key]
  }
  set(key, value) {
    if (this.isProtectedKey(key)) throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`)
    this.#scope.writable()[key] = value
  }
  isProtectedKey(key) {
    return Object.values(keys).includes(key)
  }
  getRequestId() {
    return this.get(keys.REQUEST_ID) ?? "-"
  }
  getXRayTraceId() {
    return this.get(keys.X_RAY_TRACE_ID)
  }
  getTenantId() {
    return this.get(keys.TENANT_ID)
  }
}

/** One invocation at a time: a plain variable. Several: an AsyncLocalStorage. */
export function invokeStore(concurrent) {
  return new InvokeStore(concurrent ? asyncScope() : plainScope())
}

function plainScope() {
  let current
  return {
    current: () => current,
    writable: () => (current ??= {}),
    run(context, work) {
      current = context
      return work()
    },
  }
}

function asyncScope() {
  const storage = new (process.getBuiltinModule("node:async_hooks").AsyncLocalStorage)()
  return {
    current: () => storage.getStore(),
    run: (context, work) => storage.run(context, work),
    writable() {
      const current = storage.getStore()
      if (!current) throw new Error("No context available")
      return current
    },
  }
}
