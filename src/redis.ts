import { tracedBy } from "./integrations/_patch.ts"
import { olderRedis } from "./integrations/_redis-older.ts"

/**
 * Traces redis before 5.12: `const client = traced(createClient())`. Takes a client; all of its class are traced from then on. Later
 * versions need it not, nor does a bundle made with `antifreeze/esbuild`.
 */
export const traced: <T extends object>(target: T) => T = tracedBy(olderRedis)
