import { tracedBy } from "./integrations/_patch.ts"
import { memcachedIntegration } from "./integrations/memcached.ts"

/** Traces memcached: `const client = traced(new Memcached(servers))`. Takes a client or its class. Not needed in a bundle made with `antifreeze/esbuild`. */
export const traced: <T extends object>(target: T) => T = tracedBy(memcachedIntegration)
