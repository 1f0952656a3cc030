import { tracedBy } from "./integrations/_patch.ts"
import { graphqlIntegration } from "./integrations/graphql.ts"

/**
 * Traces graphql: `traced(graphql)`, given the module of version 17, or `graphql/execution/execute.js` of version 16. Not needed in a
 * bundle made with `antifreeze/esbuild`.
 */
export const traced: <T extends object>(target: T) => T = tracedBy(graphqlIntegration)
