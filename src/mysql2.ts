import { olderMysql2 } from "./integrations/_mysql2-older.ts"
import { tracedBy } from "./integrations/_patch.ts"

/**
 * Traces mysql2 before 3.20: `const pool = traced(mysql.createPool(url))`. Takes a pool or a connection, with promises or without;
 * all of its class are traced from then on. Later versions need it in Workers only, and a bundle made with `antifreeze/esbuild` not.
 */
export const traced: <T extends object>(target: T) => T = tracedBy(olderMysql2)
