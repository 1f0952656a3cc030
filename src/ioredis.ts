import { olderIoredis } from "./integrations/_ioredis-older.ts"
import { tracedBy } from "./integrations/_patch.ts"

/**
 * Traces ioredis before 5.11: `const client = traced(new Redis())`. Takes a client; all of its class are traced from then on. Later
 * versions need it not, nor does a bundle made with `antifreeze/esbuild`.
 */
export const traced: <T extends object>(target: T) => T = tracedBy(olderIoredis)
