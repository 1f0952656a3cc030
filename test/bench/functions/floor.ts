import type { Context } from "aws-lambda"
import { startExtension } from "../../../src/platforms/lambda/extension.ts"
import { oneSpan, post } from "./_post.ts"

// The limit of the mechanism: an extension registered the same way and the same POST after the response, without any tracing.
const report = Object.assign(() => {}, { counts: new Map() })
const extension = startExtension({ api: process.env["AWS_LAMBDA_RUNTIME_API"] ?? "", name: "floor", report })
extension.registered()

export const handler = async (_event: unknown, { awsRequestId }: Context): Promise<unknown> => {
  extension.claim(awsRequestId)
  setImmediate(() => setImmediate(() => post(oneSpan()).then(() => extension.release(awsRequestId))))
  return { statusCode: 200, body: "ok" }
}
