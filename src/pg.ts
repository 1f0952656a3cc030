import { tracedBy } from "./integrations/_patch.ts"
import { pgIntegration } from "./integrations/pg.ts"

/**
 * Traces pg: `const pool = traced(new Pool())`. Takes a client, a pool, one of their classes or the module; all clients of the
 * class are traced from then on. Not needed in the layer, nor in a bundle made with `antifreeze/esbuild`.
 */
export const traced: <T extends object>(target: T) => T = tracedBy(pgIntegration)
