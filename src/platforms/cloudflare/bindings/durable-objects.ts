import { state } from "../../edge/state.ts"
import { type Binding, database, keyTag, patch, type Source, watchMade } from "./binding.ts"
import { adoptStub } from "./fetchers.ts"
import { cleanSql } from "./sql.ts"

export const namespace: Source = {
  classNames: ["DurableObjectNamespace"],
  adopt(binding) {
    const prototype = Object.getPrototypeOf(binding) as object
    if (state.patched.has(prototype)) return
    watchMade(prototype, "get", adoptStub)
    watchMade(prototype, "getByName", adoptStub)
    watchMade(prototype, "jurisdiction", (made, name) => state.names.set(made, name))
  },
}

/** Worker for Platforms: a namespace of Workers. */
export const dispatcher: Source = {
  classNames: ["DynamicDispatcher", "DispatchNamespace", "LocalDispatchNamespace"],
  adopt: (binding) => watchMade(Object.getPrototypeOf(binding) as object, "get", adoptStub),
}

const storage: Binding = {
  name: "cloudflare.durable-object-storage",
  classNames: ["DurableObjectStorage"],
  methods: ["get", "put", "delete", "list", "deleteAll", "transaction", "getAlarm", "setAlarm", "deleteAlarm", "sync"],
  describe: (call) => database("cloudflare_durable_object_storage", call, { "cloudflare.key": keyTag(call.args[0]) }),
}

const syncKv: Binding = {
  ...storage,
  classNames: ["SyncKvStorage"],
  methods: ["get", "put", "delete", "list"],
}

const sql: Binding = {
  ...storage,
  classNames: ["SqlStorage"],
  methods: ["exec"],
  describe: (call) => database("cloudflare_durable_object_sql", call, { "db.query.text": cleanSql(call.args[0]) }),
}

/** Watches what a Durable Object keeps. */
export function watchStorage(context: { readonly storage?: object } | undefined): void {
  const found = context?.storage
  if (found === undefined || found === null) return
  watch(found, storage, "storage")
  // Without SQLite behind the class, the getters throw.
  try {
    const { kv, sql: database } = found as { kv?: object; sql?: object }
    if (database) watch(database, sql, "sql")
    if (kv) watch(kv, syncKv, "kv")
  } catch {
    // Not there.
  }
}

function watch(owner: object, binding: Binding, name: string): void {
  state.names.set(owner, name)
  patch(Object.getPrototypeOf(owner) as object, binding)
}
