export { tracing } from "./integrations/express.ts"
