import { tracedBy } from "./integrations/_patch.ts"
import { opensearchIntegration } from "./integrations/opensearch.ts"

/** Traces @opensearch-project/opensearch: `const client = traced(new Client({ node }))`. Takes a client. Not needed in a bundle made with `antifreeze/esbuild`. */
export const traced: <T extends object>(target: T) => T = tracedBy(opensearchIntegration)
