import { traceFor } from "../../core/trace.ts"
import { awsSettings } from "../../integrations/_aws.ts"
import { type AnyIntegration, takeOffered } from "../../integrations/_patch.ts"
import { http2Client, httpClient, undiciClient, withAws } from "../../integrations/aws-sdk.ts"
import { fetchIntegration } from "../../integrations/fetch.ts"
import { httpIntegration } from "../../integrations/http.ts"
import { http2Integration } from "../../integrations/http2.ts"
import { ioredisIntegration } from "../../integrations/ioredis.ts"
import { mysql2Integration } from "../../integrations/mysql2.ts"
import { redisIntegration } from "../../integrations/redis.ts"
import { type Hooks, processState } from "./process-state.ts"

const integrations = [
  withAws(fetchIntegration, undiciClient),
  withAws(httpIntegration, httpClient),
  withAws(http2Integration, http2Client),
  redisIntegration,
  ioredisIntegration,
  mysql2Integration,
] as readonly AnyIntegration[]

// OTEL_PROPAGATORS=none asks for no header of any kind.
awsSettings.sendsTraceHeader = process.env["ANTIFREEZE_AWS_TRACE_HEADER"] !== "false" && process.env["OTEL_PROPAGATORS"] !== "none"
awsSettings.showsObjectKeys = process.env["ANTIFREEZE_AWS_OBJECT_KEYS"] === "true"

/** Starts watching, once in a process: our integrations, those that come with their library, and the user's own. */
export function watchAll(own: readonly (AnyIntegration | Hooks)[] = []): void {
  // Node before 20.16 and 22.3: the function runs untraced.
  if (process.getBuiltinModule === undefined) return
  for (const each of own) {
    if ("watch" in each) watch(each)
    else processState.hooks.set(each.name, each)
  }
  for (const integration of integrations) watch(integration)
  takeOffered(watch)
}

/** An integration that cannot watch is reported and left out. */
function watch(integration: AnyIntegration): void {
  const { watching, hooks, scopeManager, report } = processState
  const { name } = integration
  if (watching.has(name)) return
  const hooked = Object.create(integration, {
    onCall: { get: () => hooks.get(name)?.onCall ?? integration.onCall },
    onResult: { get: () => hooks.get(name)?.onResult ?? integration.onResult },
  }) as AnyIntegration
  try {
    watching.set(name, integration.watch(traceFor(scopeManager, hooked, report)))
  } catch (error) {
    report("instrumentation", `calls of ${name} are not traced: ${String(error)}.`)
  }
}
