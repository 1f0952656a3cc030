import type { Integration } from "../../core/contracts.ts"
import { traceFor } from "../../core/trace.ts"
import { awsSettings } from "../../integrations/_aws.ts"
import { http2Client, httpClient, undiciClient, withAws } from "../../integrations/aws-sdk.ts"
import { fetchIntegration } from "../../integrations/fetch.ts"
import { httpIntegration } from "../../integrations/http.ts"
import { http2Integration } from "../../integrations/http2.ts"
import { ioredisIntegration } from "../../integrations/ioredis.ts"
import { mysql2Integration } from "../../integrations/mysql2.ts"
import { redisIntegration } from "../../integrations/redis.ts"
import { processState } from "./process-state.ts"

const integrations = [
  withAws(fetchIntegration, undiciClient),
  withAws(httpIntegration, httpClient),
  withAws(http2Integration, http2Client),
  redisIntegration,
  ioredisIntegration,
  mysql2Integration,
] as unknown as readonly Integration<unknown>[]

awsSettings.sendsTraceHeader = process.env["ANTIFREEZE_AWS_TRACE_HEADER"] !== "false"
awsSettings.showsObjectKeys = process.env["ANTIFREEZE_AWS_OBJECT_KEYS"] === "true"

/** Starts watching, once in a process. An integration that cannot is reported and left out. */
export function watchAll(): void {
  const { watching, scopeManager, report } = processState
  for (const integration of integrations) {
    if (watching.has(integration.name)) continue
    try {
      watching.set(integration.name, integration.watch(traceFor(scopeManager, integration, report)))
    } catch (error) {
      report("instrumentation", `calls of ${integration.name} are not traced: ${String(error)}.`)
    }
  }
}
