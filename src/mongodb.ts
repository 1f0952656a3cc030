import { tracedBy } from "./integrations/_patch.ts"
import { mongodbIntegration } from "./integrations/mongodb.ts"

/**
 * Traces mongodb: `const client = traced(new MongoClient(url))`, before it connects. Takes a client, its class or the module; all
 * connections of the process are traced from then on. Not needed in a bundle made with `antifreeze/esbuild`.
 */
export const traced: <T extends object>(target: T) => T = tracedBy(mongodbIntegration)
