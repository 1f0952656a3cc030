import { tracedBy } from "./integrations/_patch.ts"
import { mqttIntegration } from "./integrations/mqtt.ts"

/** Traces mqtt: `const client = traced(mqtt.connect(url))`. Takes a client, its class or the module. Not needed in a bundle made with `antifreeze/esbuild`. */
export const traced: <T extends object>(target: T) => T = tracedBy(mqttIntegration)
