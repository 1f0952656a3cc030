import { tracedBy } from "./integrations/_patch.ts"
import { byItsQueries, postgresIntegration } from "./integrations/postgres.ts"

/** Traces postgres.js: `const sql = traced(postgres(url))`. Not needed in the layer, nor in a bundle made with `antifreeze/esbuild`. */
export const traced: <T extends object>(sql: T) => T = byItsQueries(tracedBy(postgresIntegration))
