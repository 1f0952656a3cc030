import { tracedBy } from "./integrations/_patch.ts"
import { grpcIntegration } from "./integrations/grpc.ts"

/**
 * Traces the clients of @grpc/grpc-js: `const client = traced(new Shop(address, credentials))`. Takes a client, a channel or the module; all
 * clients of the process are traced from then on. Not needed in a bundle made with `antifreeze/esbuild`.
 */
export const traced: <T extends object>(target: T) => T = tracedBy(grpcIntegration)
