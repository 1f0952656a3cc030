/** Does nothing: what all others are compared with. */
export const handler = async () => ({ statusCode: 200, body: "ok" })
