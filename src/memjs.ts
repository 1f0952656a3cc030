import { tracedBy } from "./integrations/_patch.ts"
import { memjsIntegration } from "./integrations/memjs.ts"

/** Traces memjs: `const client = traced(Client.create(servers))`. Takes a client, its class or the module. Not needed in a bundle made with `antifreeze/esbuild`. */
export const traced: <T extends object>(target: T) => T = tracedBy(memjsIntegration)
