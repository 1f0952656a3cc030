export { tracing } from "./integrations/fastify.ts"
