import { type Binding, database, describe, keyTag } from "./binding.ts"

export const kv: Binding = {
  name: "cloudflare.kv",
  classNames: ["KvNamespace"],
  methods: ["get", "getWithMetadata", "put", "delete", "list"],
  describe: (call) => database("cloudflare_kv", call, { "cloudflare.kv.key": keyTag(call.args[0]) }),
}

export const r2: Binding = {
  name: "cloudflare.r2",
  classNames: ["R2Bucket"],
  methods: ["head", "get", "put", "delete", "list", "createMultipartUpload"],
  describe: (call) => describe("r2", call, { "cloudflare.r2.key": keyTag(call.args[0]) }),
  tagsOf(object) {
    const { size } = (object ?? {}) as { size?: unknown }
    return { "cloudflare.r2.size": typeof size === "number" ? size : undefined }
  },
}

/** OpenTelemetry has no conventions for caches: the URL names the entry. */
export const cache: Binding = {
  name: "cloudflare.cache",
  classNames: ["Cache"],
  anonymous: "cache",
  methods: ["match", "put", "delete"],
  describe: (call) => {
    const [key] = call.args
    return describe("cache", call, { "url.full": key instanceof Request ? key.url : String(key) })
  },
  tagsOf: (answer) => ({ "cloudflare.cache.hit": answer instanceof Response }),
}
