import { state } from "../../edge/state.ts"
import { type Binding, type BindingCall, database, patch, watchMade } from "./binding.ts"
import { cleanSql } from "./sql.ts"

interface Database {
  prepare(sql: string): object
  withSession?(constraint?: string): { prepare(sql: string): object }
}

function describeSql(call: BindingCall, text: unknown) {
  const query = cleanSql(text)
  const [, verb = "", table] =
    /^(\w+)(?:(?:(?<=^update)|.*?\b(?:from|into|update|table(?: if (?:not )?exists)?))\s+["`[]?(\w+))?/i.exec(query ?? "") ?? []
  const summary = [verb.toUpperCase(), table].filter(Boolean).join(" ") || undefined
  const described = database("cloudflare_d1", call, { "db.query.text": query, "db.query.summary": summary })
  return summary ? { ...described, operationName: summary } : described
}

function resultTags(result: unknown): Record<string, unknown> {
  const { meta, results } = (result ?? {}) as { meta?: { rows_read?: number; rows_written?: number }; results?: unknown[] }
  return {
    "db.response.returned_rows": Array.isArray(results) ? results.length : undefined,
    "cloudflare.d1.rows_read": meta?.rows_read,
    "cloudflare.d1.rows_written": meta?.rows_written,
  }
}

const statement: Binding = {
  name: "cloudflare.d1",
  classNames: ["D1PreparedStatement"],
  methods: ["first", "run", "all", "raw"],
  describe: (call) => describeSql(call, (call.self as { statement?: unknown }).statement),
  tagsOf: resultTags,
}

const session: Binding = {
  name: "cloudflare.d1",
  classNames: ["D1DatabaseSession"],
  methods: ["batch"],
  describe: describeDatabase,
}

function describeDatabase(call: BindingCall) {
  const [given] = call.args
  return call.method === "batch" && Array.isArray(given)
    ? database("cloudflare_d1", call, { "db.operation.batch.size": given.length > 1 ? given.length : undefined })
    : describeSql(call, given)
}

export const d1: Binding = {
  name: "cloudflare.d1",
  classNames: ["D1Database"],
  methods: ["batch", "exec", "dump"],
  describe: describeDatabase,

  adopt(binding) {
    const prototype = Object.getPrototypeOf(binding) as object
    if (state.patched.has(prototype)) return
    const made = (binding as Database).prepare("")
    patch(Object.getPrototypeOf(made) as object, statement)
    naming(Object.getPrototypeOf(made) as object, "bind")
    naming(prototype, "prepare")
    naming(prototype, "withSession")
    const opened = (binding as Database).withSession?.()
    if (opened === undefined) return
    patch(Object.getPrototypeOf(opened) as object, session)
    naming(Object.getPrototypeOf(opened) as object, "prepare")
  },
}

/** What the method makes has the name of what it was made from. */
function naming(prototype: object, method: string): void {
  watchMade(prototype, method, (made, name) => state.names.set(made, name))
}
