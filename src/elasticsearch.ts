import { tracedBy } from "./integrations/_patch.ts"
import { elasticsearchIntegration } from "./integrations/elasticsearch.ts"

/** Traces @elastic/elasticsearch: `const client = traced(new Client({ node }))`. Takes a client. Not needed in a bundle made with `antifreeze/esbuild`. */
export const traced: <T extends object>(target: T) => T = tracedBy(elasticsearchIntegration)
