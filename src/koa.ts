export { tracing } from "./integrations/koa.ts"
