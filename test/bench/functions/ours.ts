import { withTracing } from "antifreeze"

export const handler: () => Promise<unknown> = withTracing(async () => ({ statusCode: 200, body: "ok" }))
