import type { AnyIntegration } from "../../integrations/_patch.ts"
import { http2Client, httpClient as nodeClient, undiciClient, withAws } from "../../integrations/aws-sdk.ts"
import { fetchIntegration } from "../../integrations/fetch.ts"
import { httpIntegration } from "../../integrations/http.ts"
import { http2Integration } from "../../integrations/http2.ts"
import { readAwsSettings } from "./aws-settings.ts"

/** The integration of that name: each knows a call of AWS when it sees one. */
export function httpClient(name: "undici" | "http" | "http2"): AnyIntegration {
  readAwsSettings(process.env)
  if (name === "undici") return withAws(fetchIntegration, undiciClient)
  if (name === "http") return withAws(httpIntegration, nodeClient)
  return withAws(http2Integration, http2Client)
}
