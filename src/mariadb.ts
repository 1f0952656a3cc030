import { remember, type Server } from "./integrations/_mariadb-calls.ts"
import { tracedBy } from "./integrations/_patch.ts"
import { mariadbIntegration } from "./integrations/mariadb.ts"

const hand = tracedBy(mariadbIntegration)

/**
 * Traces mariadb, by promise and by callback: `const pool = traced(mariadb.createPool(options))`. Takes a connection or a pool; all of
 * its class are traced from then on. Not needed in a bundle made with `antifreeze/esbuild`.
 */
export function traced<T extends object>(target: T): T {
  // In a bundle, such a module has no more than this.
  if ("exports" in target) replaceFactories(target as unknown as Module)
  return hand(target)
}

interface Module {
  exports: Record<string, unknown>
}
type Make = (options: unknown) => object

/** A CommonJS module, as the plugin and the layer hand it over: its classes are minified, so what they make is taken hold of. */
function replaceFactories(module: Module): void {
  const { createConnection, createPool, defaultOptions } = module.exports
  const handed = (options: unknown) => (client: object) => hand(remember(client, (defaultOptions as (options: unknown) => Server)(options)))
  const factory = (make: unknown) => ({
    enumerable: true,
    value(options: unknown) {
      const client = (make as Make)(options)
      return client instanceof Promise ? client.then(handed(options)) : handed(options)(client)
    },
  })
  const factories = { createConnection: factory(createConnection), createPool: factory(createPool) }
  const replaced = (exports: object, more: PropertyDescriptorMap = {}) =>
    Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(exports), ...factories, ...more })
  module.exports = replaced(module.exports, { default: { value: replaced(module.exports["default"] as object), enumerable: true } })
}
