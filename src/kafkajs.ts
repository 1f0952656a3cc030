import { tracedBy } from "./integrations/_patch.ts"
import { followClient, kafkajsIntegration } from "./integrations/kafkajs.ts"

const hand = tracedBy(kafkajsIntegration)

/**
 * Traces kafkajs: `const kafka = traced(new Kafka({ brokers }))`, before it makes producers and consumers. Takes a client, its class, the
 * module, a producer or a consumer. Not needed in a bundle made with `antifreeze/esbuild`.
 */
export function traced<T extends object>(target: T): T {
  followClient(target)
  return hand(target)
}
