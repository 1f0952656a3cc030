import { tracedBy } from "./integrations/_patch.ts"
import { mysqlIntegration } from "./integrations/mysql.ts"

/**
 * Traces mysql (mysqljs): `const pool = traced(mysql.createPool(url))`. Takes a connection, a pool or a pool of a cluster; all of its
 * class are traced from then on. Not needed in a bundle made with `antifreeze/esbuild`.
 */
export const traced: <T extends object>(target: T) => T = tracedBy(mysqlIntegration)
