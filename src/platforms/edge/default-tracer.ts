import type { Tracer } from "../../core/tracer.ts"
import { buildTracer } from "./settings.ts"
import { state } from "./state.ts"

let own: Tracer | undefined

/** Settings come with the first request, so `tracer` stands for whichever tracer is in use; before that, for one that exports nothing. */
function current(): Tracer {
  return state.scopeManager.active?.span.tracer() ?? state.tracer ?? (own ??= buildTracer({}, {}))
}

export const tracer: Tracer = new Proxy({} as Tracer, {
  get(_, key) {
    const owner = current()
    const value: unknown = Reflect.get(owner, key, owner)
    return typeof value === "function" ? value.bind(owner) : value
  },
  getPrototypeOf: () => Object.getPrototypeOf(current()),
})

/** Delivers what has finished so far. Waits at most for the exporter's bound; never rejects. */
export function flush(): Promise<void> {
  return current().flush()
}
