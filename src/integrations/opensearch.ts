import type { Integration } from "../core/contracts.ts"
import { whenLoaded } from "./_patch.ts"
import { describeSearch, patchTransport, type SearchCall, tellSearch } from "./_search.ts"

interface Library {
  readonly prototype?: object
  readonly transport?: object
}

/** Traces @opensearch-project/opensearch: a span for each call with its retries. Documents, queries and ids are never read. */
export const opensearchIntegration: Integration<SearchCall> = {
  name: "@opensearch-project/opensearch",

  watch(trace) {
    return whenLoaded("@opensearch-project/opensearch", (target: Library) =>
      [target, target.prototype, target.transport].flatMap((owner) =>
        owner !== undefined && "request" in owner && "sniff" in owner ? patchTransport(owner, trace) : [],
      ),
    )
  },

  describe: (call) => describeSearch("opensearch", call),
  tell: tellSearch,
}
