import type { Integration } from "../core/contracts.ts"
import { whenLoaded } from "./_patch.ts"
import { describeSearch, patchTransport, type SearchCall, tellSearch } from "./_search.ts"

interface Library {
  readonly prototype?: object
  readonly transport?: object
  readonly default?: { readonly prototype?: object }
}

/** Traces @elastic/elasticsearch, from 7: a span for each call with its retries. Documents, queries and ids are never read. */
export const elasticsearchIntegration: Integration<SearchCall> = {
  name: "@elastic/elasticsearch",

  watch(trace) {
    return whenLoaded("@elastic/elasticsearch", (target: Library) =>
      [target, target.prototype, target.transport, target.default?.prototype].flatMap((owner) =>
        owner !== undefined && "request" in owner && "sniff" in owner ? patchTransport(owner, trace) : [],
      ),
    )
  },

  describe: (call) => describeSearch("elasticsearch", call),
  tell: tellSearch,
}
