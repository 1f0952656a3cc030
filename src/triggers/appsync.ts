import type { AppSyncResolverEvent } from "aws-lambda"
import type { Loose, Recognise } from "./_event.ts"

/** AppSync, one field or a batch of them. OpenTelemetry, "GraphQL server": `{type} {name}`. */
export const appSyncTrigger: Recognise = (event) => {
  const batch = Array.isArray(event) ? (event as unknown[]) : [event]
  const { info, request } = batch[0] as Loose<AppSyncResolverEvent<unknown>>
  if (typeof info?.fieldName !== "string" || typeof info.parentTypeName !== "string") return undefined
  const type = /^(Query|Mutation|Subscription)$/.test(info.parentTypeName) ? info.parentTypeName.toLowerCase() : undefined
  return {
    operationName: type === undefined ? `${info.parentTypeName}.${info.fieldName}` : `${type} ${info.fieldName}`,
    kind: "server",
    carrier: request?.headers ?? {},
    tags: {
      "faas.trigger": "http",
      "graphql.operation.type": type,
      "aws.appsync.field": `${info.parentTypeName}.${info.fieldName}`,
      "aws.batch.record_count": Array.isArray(event) ? batch.length : undefined,
    },
  }
}
