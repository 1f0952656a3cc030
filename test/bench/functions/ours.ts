import { withTracing } from "antifreeze"

export const handler = withTracing(async () => ({ statusCode: 200, body: "ok" }))
