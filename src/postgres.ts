import { tracedBy } from "./integrations/_patch.ts"
import { postgresIntegration } from "./integrations/postgres.ts"

const hand = tracedBy(postgresIntegration)

/** Traces postgres.js: `const sql = traced(postgres(url))`. Not needed in the layer, nor in a bundle made with `antifreeze/esbuild`. */
export function traced<T extends object>(sql: T): T {
  if (typeof sql !== "function" || "handle" in ((sql as { prototype?: object }).prototype ?? {})) return hand(sql)
  // A query that nobody waits for never starts; its class is found nowhere else.
  const query: unknown = (sql as unknown as (strings: TemplateStringsArray) => unknown)(Object.assign([""], { raw: [""] }))
  if (query !== null && typeof query === "object") hand(Object.getPrototypeOf(query) as object)
  return sql
}
