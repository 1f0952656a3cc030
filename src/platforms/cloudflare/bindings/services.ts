import { type Binding, type BindingCall, describe } from "./binding.ts"

/** Bindings of which the name of the method says all. */
function service(
  type: string,
  classNames: readonly string[],
  methods: readonly string[],
  tags?: (call: BindingCall) => Record<string, unknown>,
): Binding {
  return { name: `cloudflare.${type}`, classNames, methods, describe: (call) => describe(type, call, tags?.(call)) }
}

/** OpenTelemetry, "Generative AI client". Prompts and answers stay where they are. */
export const ai: Binding = {
  name: "cloudflare.ai",
  classNames: ["Ai"],
  methods: ["run", "models", "toMarkdown", "autorag"],
  describe(call) {
    const [model] = call.args
    const named = call.method === "run" && typeof model === "string"
    return {
      ...describe("ai", call, {
        "gen_ai.provider.name": "cloudflare.workers_ai",
        "gen_ai.request.model": named ? model : undefined,
      }),
      ...(named && { operationName: `run ${model}` }),
    }
  },
}

export const services: readonly Binding[] = [
  ai,
  service("vectorize", ["VectorizeIndexImpl"], ["describe", "query", "queryById", "insert", "upsert", "getByIds", "deleteByIds"], () => ({
    "db.system.name": "cloudflare_vectorize",
  })),
  service("analytics_engine", ["AnalyticsEngine", "AnalyticsEngineDataset", "LocalAnalyticsEngineDataset"], ["writeDataPoint"]),
  service("rate_limit", ["RateLimit", "Ratelimit"], ["limit"]),
  service("images", ["ImagesBindingImpl"], ["info"]),
  service("workflow", ["WorkflowImpl"], ["create", "createBatch", "get"], ({ args: [options] }) => ({
    "cloudflare.workflow.instance_id": typeof options === "string" ? options : (options as { id?: unknown } | undefined)?.id,
  })),
  service("secrets_store", ["SecretsStoreSecret", "Secret"], ["get"]),
  service("pipeline", ["Pipeline", "PipelineImpl", "PipelineTransformImpl"], ["send"]),
  service("send_email", ["SendEmail"], ["send"]),
]
