import { tracedBy } from "./integrations/_patch.ts"
import { natsIntegration } from "./integrations/nats.ts"

/** Traces nats: `const connection = traced(await connect({ servers }))`. Takes a connection or its class. Not needed in a bundle made with `antifreeze/esbuild`. */
export const traced: <T extends object>(target: T) => T = tracedBy(natsIntegration)
