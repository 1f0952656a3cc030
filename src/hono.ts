export { tracing } from "./integrations/hono.ts"
