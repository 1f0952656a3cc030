import { tracedBy } from "./integrations/_patch.ts"
import { mssqlIntegration, rememberPools } from "./integrations/mssql.ts"

const hand = tracedBy(mssqlIntegration)
let isRemembering = false

/**
 * Traces mssql: `const sql = traced(require("mssql"))`, before it connects. All pools are traced from then on. Not needed in a bundle
 * made with `antifreeze/esbuild`.
 */
export function traced<T extends object>(sql: T): T {
  if (!isRemembering) rememberPools()
  isRemembering = true
  return hand(sql)
}
