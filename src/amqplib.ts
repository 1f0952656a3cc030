import { tracedBy } from "./integrations/_patch.ts"
import { amqplibIntegration } from "./integrations/amqplib.ts"

/**
 * Traces amqplib: `const connection = traced(await connect(url))`, before it makes a channel. Takes a connection, a channel or one
 * of their classes. Not needed in a bundle made with `antifreeze/esbuild`.
 */
export const traced: <T extends object>(target: T) => T = tracedBy(amqplibIntegration)
