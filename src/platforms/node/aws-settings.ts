import { awsSettings } from "../../integrations/_aws.ts"

/** OTEL_PROPAGATORS=none asks for no header of any kind. */
export function readAwsSettings(env: NodeJS.ProcessEnv): void {
  awsSettings.sendsTraceHeader = env["ANTIFREEZE_AWS_TRACE_HEADER"] !== "false" && env["OTEL_PROPAGATORS"] !== "none"
  awsSettings.showsObjectKeys = env["ANTIFREEZE_AWS_OBJECT_KEYS"] === "true"
}
