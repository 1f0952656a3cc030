import type { Span } from "../../core/span.ts"
import { processState } from "./process-state.ts"

/**
 * Runs `fn` as a child of the active span: until it returns, or its promise settles. What it returns or throws is passed on.
 * Where no span is active, `fn` runs all the same, and gets `undefined`.
 *
 * @example
 * const total = await span("price the cart", async (span) => {
 *   span?.setTag("cart.items", cart.length)
 *   return price(cart)
 * })
 */
export function span<T>(name: string, fn: (span: Span | undefined) => T): T {
  const active = processState.scopeManager.active?.span
  return active === undefined ? fn(undefined) : active.tracer().startActiveSpan(name, fn)
}

/**
 * Gives a function that does what `fn` does, each call a child of the active span, with the same `this`, name and parameters.
 *
 * @param name of the spans; default: that of the function.
 */
// biome-ignore lint/suspicious/noExplicitAny: any function.
export function tracedFunction<F extends (this: any, ...args: any[]) => any>(fn: F, name: string = fn.name || "anonymous"): F {
  const traced = function (this: unknown, ...args: unknown[]): unknown {
    return span(name, () => Reflect.apply(fn, this, args))
  }
  for (const key of ["name", "length"]) Object.defineProperty(traced, key, Object.getOwnPropertyDescriptor(fn, key) ?? {})
  return traced as F
}
